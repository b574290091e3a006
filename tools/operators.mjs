// SPDX-License-Identifier: Apache-2.0
// make docs-operators: writes the tables of docs/operators.md between its markers, from the importers'
// lists of operators and the results of make conformance (build/conformance.json).
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { byOperator, root } from "../tests/conformance/suite.mjs";

/** @typedef {import("../tests/conformance/suite.mjs").Result} Result */

const BEGIN = "<!-- begin: written by make docs-operators -->";
const END = "<!-- end -->";

/** @type {Record<string, string>} */
const dtypes = {
  FLOAT: "f32",
  FLOAT16: "f16",
  DOUBLE: "f64",
  INT8: "i8",
  INT16: "i16",
  INT32: "i32",
  INT64: "i64",
  UINT8: "u8",
  UINT16: "u16",
  UINT32: "u32",
  UINT64: "u64",
  BOOL: "bool",
  dyn: "dynamic range",
  f16w: "f16 weights",
};

/** Names in an importer's table of operators that have a handler. */
const lists = {
  onnx: {
    title: "ONNX",
    file: "convert/import/onnx/onnx_ops.c",
    row: /^ {4}\{"([\w.]+)", \w+\},/gm,
    versions: "opsets of the cases",
  },
  tflite: {
    title: "TFLite",
    file: "convert/import/tflite/tflite_ops.c",
    row: /\{"(\w+)",\s+tfl_\w+/gm,
    versions: "",
  },
};

/** Numbers as ranges: 1, 6 to 9. @param {Iterable<number>} numbers */
function versions(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted.length > 1 ? `${sorted[0]} to ${sorted.at(-1)}` : String(sorted[0] ?? "");
}

/**
 * @param {keyof typeof lists} format
 * @param {Result[]} results
 */
function table(format, results) {
  const { title, file, row, versions: header } = lists[format];
  const source = readFileSync(join(root, file), "utf8");
  const names = new Set([...source.matchAll(row)].map(([, name]) => name));
  const counted = byOperator(results.filter((result) => result.format === format));
  const lines = [...names].sort().map((name) => {
    const found = counted.get(name);
    const types = [...(found?.dtypes ?? [])].map((type) => dtypes[type] ?? type).sort();
    const cells = [
      `\`${name}\``,
      types.join(", "),
      ...(header ? [versions(found?.opsets ?? [])] : []),
      found ? `${found.passed} of ${found.cases}` : "none here",
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const passed = results.filter((r) => r.format === format && r.status === "pass").length;
  const all = results.filter((r) => r.format === format).length;
  const head = ["operator", "types in cases", ...(header ? [header] : []), "cases passed"];
  return [
    `### ${title}: ${names.size} operators, ${passed} of ${all} cases pass`,
    "",
    `| ${head.join(" | ")} |`,
    `|${head.map(() => "---").join("|")}|`,
    ...lines,
  ].join("\n");
}

const path = join(root, "docs/operators.md");
/** @type {Result[]} */
const results = JSON.parse(readFileSync(join(root, "build/conformance.json"), "utf8"));
const refused = results
  .filter(({ status }) => status !== "pass")
  .map(({ key, status, why }) => `- ${status === "wrong" ? "differs" : "refused"}: \`${key}\`: ${why}`);
const text = [
  BEGIN,
  "",
  "## Operators of other formats",
  "",
  "What the importers take, and how the conformance cases of each operator came out (a case counts for",
  "all the operators in its model; types are those of its inputs and outputs).",
  "",
  table("onnx", results),
  "",
  table("tflite", results),
  "",
  ...(refused.length ? ["Cases that do not pass:", "", ...refused, ""] : []),
  END,
].join("\n");
const before = readFileSync(path, "utf8");
const at = before.indexOf(BEGIN);
const end = before.indexOf(END);
const kept = at < 0 ? [`${before.trimEnd()}\n\n`, "\n"] : [before.slice(0, at), before.slice(end + END.length)];
writeFileSync(path, kept.join(text));
