// SPDX-License-Identifier: Apache-2.0
// mite registry list: what is in a list, for people.
import { UsageError, bytesText, printable } from "../usage.js";
import { folderHelp, folderOption } from "./change.js";
import { entryOf, restOf } from "./changes.js";
import { LIST, readListThere } from "./store.js";

/** @typedef {import("../../field/manifest.js").Change} Change */
/** @typedef {import("../../field/manifest.js").Entry} Entry */

/** @type {import("../main.js").Command} */
export default {
  summary: "show versions, what each channel serves, and the history",
  help: `usage: mite registry list [NAME]

Shows every model, or one, with its versions, the share of devices of each channel that gets them, and
what was done, oldest first. Nothing is checked; \`mite registry verify\` does that.

${folderHelp}`,
  options: folderOption,
  async run({ dir }, [name, ...others]) {
    if (others.length) throw new UsageError("list wants the name of one model, or none");
    const list = await readListThere(dir);
    const models = name ? { [name]: entryOf(list, name) } : list.models;
    const by = (list.signatures ?? []).map(({ key }) => key).join(", ");
    const say = (/** @type {string} */ text) => console.log(printable(text));
    say(`${LIST}  serial ${list.serial}, ${by ? `signed by ${by}` : "not signed"}`);
    for (const [model, entry] of Object.entries(models)) {
      say(`\n${model}\n${versionTable(entry)}\n\n${entry.history.map(changeLine).join("\n")}`);
    }
    return 0;
  },
};

/** @param {Entry} entry */
function versionTable({ versions, channels }) {
  const rows = Object.entries(versions)
    .sort(([, a], [, b]) => Date.parse(a.added) - Date.parse(b.added))
    .map(([version, { bytes, runtime, added, file }]) => [
      version, bytesText(bytes), runtime, added, file, sharesOf(version, channels),
    ]);
  return table([["version", "size", "mite from", "added", "file", "served by"], ...rows]);
}

/**
 * @param {string} wanted
 * @param {Entry["channels"]} channels
 */
function sharesOf(wanted, channels) {
  const shares = Object.entries(channels).flatMap(([channel, { version, percent, otherwise }]) => {
    if (version === wanted) return [`${channel} ${percent} %`];
    if (otherwise !== wanted) return [];
    return [percent < 100 ? `${channel} ${restOf(percent)} %` : `${channel} where ${version} does not work`];
  });
  return shares.join(", ") || "-";
}

/** @param {string[][]} rows */
function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd()}`).join("\n");
}

/** @param {Change} change */
function changeLine({ at, what, version, channel, percent, before }) {
  const where = channel ? ` ${channel}` : "";
  const share = percent === undefined ? "" : ` ${percent} %`;
  const last = before === undefined ? "" : `, before ${before}`;
  return `  ${at}  ${what} ${version}${where}${share}${last}`;
}
