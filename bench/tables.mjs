// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them; the same on the terminal and in docs/performance.md.

/** @param {number | undefined} n @param {number} [digits] */
export const fixed = (n, digits = 1) => (n === undefined || !Number.isFinite(n) ? "–" : n.toFixed(digits));

/** @param {readonly string[]} heads @param {readonly (readonly string[])[]} rows */
export function markdown(heads, rows) {
  const line = (/** @type {readonly string[]} */ cells) => `| ${cells.join(" | ")} |`;
  return [line(heads), line(heads.map((_, i) => (i ? "---:" : "---"))), ...rows.map(line)].join("\n");
}

/** @param {readonly (readonly string[])[]} rows */
function aligned(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const cells = (/** @type {readonly string[]} */ row) =>
    row.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i])));
  return rows.map((row) => `  ${cells(row).join("  ")}`).join("\n");
}

/**
 * Operations a second, a multiply-add being two, and the share of the peak of one core (times the
 * threads) that was measured beside it.
 * @param {any} kept
 * @param {any} raced
 * @param {any} result
 */
export function rateOf(kept, raced, result) {
  const rate = (2 * kept.macs) / result.median / 1e6;
  const peak = raced.limits[result.kind] * result.threads;
  return { rate, share: rate / peak };
}

/** @param {any} kept results of a network on a host @param {number} threads */
export function tableOf(kept, threads) {
  const raced = kept[`threads${threads}`];
  const rows = raced.results.map((/** @type {any} */ result) => {
    const { rate, share } = rateOf(kept, raced, result);
    const name = `${result.engine} ${result.kind}`;
    const count = result.threads === result.asked ? `${result.threads}` : `${result.threads} (of ${result.asked})`;
    const compared = result.engine !== "mite" && result.toMite ? `${fixed(result.toMite, 2)} × mite` : "";
    return [name, count, `${fixed(result.median)} ms`, compared, `${fixed(rate)} Gop/s`, `${fixed(100 * share, 0)} %`];
  });
  const absent = raced.absent.map(
    (/** @type {any} */ { engine, kind, why }) => `  ${engine} ${kind}: not run: ${why}`,
  );
  const dropped = raced.dropped ? `, ${raced.dropped} of them dropped` : "";
  const title = `${kept.title}, ${kept.host}, ${threads} thread${threads > 1 ? "s" : ""} (${raced.launches} launches${dropped})`;
  const table = aligned([["engine", "threads", "time", "", "rate", "of peak"], ...rows]);
  return [title, table, ...new Set(absent)].join("\n");
}

/** @param {any} kept with and without relaxed SIMD */
export function buildsLine({ title, host, builds }) {
  const parts = builds.map((/** @type {any} */ { kind, relaxed, simd, speed, same }) => {
    const bits = kind === "int8" ? `, ${same ? "the same" : "other"} numbers` : "";
    return `${kind} ${fixed(relaxed)} and ${fixed(simd)} ms: ${fixed(speed, 2)} times as fast${bits}`;
  });
  return `${title}, ${host}, with relaxed SIMD and without: ${parts.join("; ")}`;
}

/** @param {string} host @param {any} cost */
export const dispatchLine = (host, { one, two, threads }) =>
  `a node of next to no work, ${host}: ${fixed(one, 2)} µs on one thread, ${fixed(two, 2)} µs on ${threads}`;
