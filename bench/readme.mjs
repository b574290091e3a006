// SPDX-License-Identifier: Apache-2.0
// The one table of README.md that `make bench` keeps current: EfficientNet-Lite0 on one thread.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./places.mjs";
import { fixed, markdown } from "./tables.mjs";

const marks = /(<!-- make bench writes this -->\n)[^]*(<!-- to here -->)/;
const titles = { node: "Node", chromium: "Chromium" };

/** @param {(network: string, host: string) => any} of results */
export function writeReadme(of) {
  const columns = Object.entries(titles).flatMap(([host, title]) =>
    /** @type {const} */ (["f32", "int8"]).map((kind) => ({ kept: of("efficientnet-lite0", host), kind, title })),
  );
  const results = columns.map(({ kept, kind }) =>
    (kept?.threads1.results ?? []).filter((/** @type {any} */ r) => r.kind === kind),
  );
  const engines = [...new Set(results.flat().map(({ engine }) => engine))];
  const rows = engines.map((engine) => [
    engine,
    ...results.map((column) => {
      const found = column.find((/** @type {any} */ r) => r.engine === engine);
      if (!found) return "–";
      return engine === "mite" ? `1 (${fixed(found.median)} ms)` : `${fixed(found.toMite)} ×`;
    }),
  ]);
  const heads = ["time relative to mite, same type", ...columns.map(({ kind, title }) => `${kind}, ${title}`)];
  const file = join(root, "README.md");
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replace(marks, `$1\n${markdown(heads, rows)}\n\n$2`));
}
