// SPDX-License-Identifier: Apache-2.0
// The tables of docs/compatibility.md. Every run of bundlers.test.mjs is compared with them; where it
// found something else, `make docs-compatibility` writes the last run's results there.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * @typedef {object} Row
 * @property {string} where
 * @property {string} how
 * @property {Record<string, string>} results "yes" or "no" by engine, or under "itself"
 */

const kept = new URL("../../build/bundlers/results.json", import.meta.url);
const document = new URL("../../docs/compatibility.md", import.meta.url);
const BEGIN = "<!-- begin: written by make docs-compatibility -->\n";
const END = "<!-- end -->";

/** @type {{ columns: Record<string, string> }[]} */
const tables = [
  { columns: { chromium: "Chromium", firefox: "Firefox", webkit: "WebKitGTK" } },
  { columns: { itself: "runs" } },
];

/** @param {string[]} cells */
const line = (cells) => `| ${cells.join(" | ")} |`;

/** @param {Row[]} rows */
function written(rows) {
  const parts = tables.map(({ columns }) => {
    const names = Object.keys(columns);
    const ours = rows.filter(({ results }) => names.some((name) => name in results));
    return [
      line(["where", "how", ...Object.values(columns)]),
      line(["---", "---", ...names.map(() => "---")]),
      ...ours.map(({ where, how, results }) => line([where, how, ...names.map((name) => results[name] ?? "–")])),
    ].join("\n");
  });
  return `\n${parts.join("\n\n")}\n\n`;
}

function page() {
  const text = readFileSync(document, "utf8");
  const begin = text.indexOf(BEGIN) + BEGIN.length;
  const end = text.indexOf(END, begin);
  return { before: text.slice(0, begin), table: text.slice(begin, end), after: text.slice(end) };
}

/** The page's rows: what an engine that is not here gave when it was. @param {string} table */
function read(table) {
  /** @type {string[]} */
  let names = [];
  /** @type {Map<string, Record<string, string>>} */
  const rows = new Map();
  for (const text of table.split("\n").filter((text) => text.startsWith("| "))) {
    const [where, how, ...cells] = text.slice(2, -2).split(" | ");
    if (where === "where") {
      const found = tables.find(({ columns }) => Object.values(columns).join() === cells.join());
      names = Object.keys(found?.columns ?? {});
      continue;
    }
    const results = cells.flatMap((cell, at) => (cell === "–" ? [] : [[names[at], cell]]));
    rows.set(`${where} | ${how}`, Object.fromEntries(results));
  }
  return rows;
}

/**
 * Lines of the table that a run contradicts, as they are ("- ") and as they should be ("+ ").
 * @param {Row[]} rows
 */
export function differences(rows) {
  const { table } = page();
  const old = read(table);
  const merged = rows.map(({ where, how, results }) => ({
    where,
    how,
    results: { ...old.get(`${where} | ${how}`), ...results },
  }));
  const [is, should] = [table, written(merged)].map((text) => text.split("\n"));
  return [
    ...is.filter((text) => !should.includes(text)).map((text) => `- ${text}`),
    ...should.filter((text) => !is.includes(text)).map((text) => `+ ${text}`),
  ];
}

/** Keeps a run's results for make docs-compatibility. @param {Row[]} rows */
export function keep(rows) {
  writeFileSync(kept, JSON.stringify(rows, null, 1));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!existsSync(kept)) throw new Error("there are no results; run make test first");
  const { before, after } = page();
  writeFileSync(document, before + written(JSON.parse(readFileSync(kept, "utf8"))) + after);
}
