// SPDX-License-Identifier: Apache-2.0
// Chooses the conformance cases that are kept in the repository: of the shared archives, the smallest
// that together cover every operator, with every version of the format and every element type that
// it occurs with.   node tools/keep-cases.mjs [BYTES]   (at most so many bytes an archive)
import { readFileSync, writeFileSync } from "node:fs";
import { deflateRawSync } from "node:zlib";
import { archives, casesOf, knownRefusals } from "../tests/conformance/suite.mjs";
import { readZip, writeZip } from "../tests/conformance/zip.mjs";

const most = Number(process.argv[2] ?? 500_000);
const PER_FILE = 150; // bytes of an entry beside its content

/**
 * @param {Map<string, () => Buffer>} files
 * @param {string} name
 */
const unpack = (files, name) => /** @type {() => Buffer} */ (files.get(name))();

/** @param {Map<string, () => Buffer>} files */
function measure(files) {
  const names = [...files.keys()];
  const left = casesOf(files).filter((key) => !knownRefusals().has(key));
  return left.map((key) => {
    const about = JSON.parse(String(unpack(files, `${key}/case.json`)));
    const own = names.filter((name) => name.startsWith(`${key}/`));
    const bytes = own.reduce(
      (sum, name) => sum + PER_FILE + deflateRawSync(unpack(files, name)).length,
      0,
    );
    const covers = about.ops.flatMap((/** @type {string} */ op) => [
      op,
      `${op} ${about.opset ?? about.tier}`,
      ...(about.dtypes ?? []).map((/** @type {string} */ dtype) => `${op} ${dtype}`),
    ]);
    return { own, bytes, covers: new Set(covers) };
  });
}

/** Greedily, what covers most for its bytes first. @param {ReturnType<typeof measure>} cases */
function choose(cases) {
  const covered = new Set();
  const chosen = [];
  let bytes = 0;
  const gain = (/** @type {ReturnType<typeof measure>[0]} */ { covers, bytes: size }) =>
    [...covers].filter((item) => !covered.has(item)).length / size;
  for (let left = cases; left.length;) {
    const best = left.reduce((a, b) => (gain(b) > gain(a) ? b : a));
    if (!gain(best)) break;
    left = left.filter((other) => other !== best);
    if (bytes + best.bytes > most) continue;
    bytes += best.bytes;
    chosen.push(best);
    for (const item of best.covers) covered.add(item);
  }
  const missing = new Set(cases.flatMap(({ covers }) => [...covers]).filter((x) => !covered.has(x)));
  return { chosen, missing };
}

for (const [i, { path }] of archives.shared.entries()) {
  const files = readZip(readFileSync(path));
  const cases = measure(files);
  const { chosen, missing } = choose(cases);
  const entries = chosen.flatMap(({ own }) => own).sort();
  const zip = writeZip(entries.map((name) => [name, unpack(files, name)]));
  writeFileSync(archives.kept[i].path, zip);
  console.log(
    `${archives.kept[i].path}: ${chosen.length} of ${cases.length} cases, ${zip.length} bytes; not covered: ${[...missing].join(", ") || "nothing"}`,
  );
}
