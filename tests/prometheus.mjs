// SPDX-License-Identifier: Apache-2.0
// A strict reader of Prometheus' text format 0.0.4, by its description
// (https://prometheus.io/docs/instrumenting/exposition_formats/): it takes what `promtool check metrics` would.

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*/;
const NUMBER = /^(?:[+-]?(?:\d+\.?\d*(?:e[+-]?\d+)?|\.\d+)|NaN|[+-]Inf)$/i;
const TYPES = ["counter", "gauge", "histogram", "summary", "untyped"];
const SUFFIXES = { histogram: ["_bucket", "_sum", "_count"], summary: ["", "_sum", "_count"] };

function must(holds, line, what) {
  if (!holds) throw new Error(`${what}: ${line}`);
}

function numberOf(text) {
  if (/^[+-]inf$/i.test(text)) return text[0] === "-" ? -Infinity : Infinity;
  return Number(text);
}

/** The labels at the start of `text`, which begins with a brace, and what follows. */
function labelsOf(text, line) {
  const labels = {};
  let rest = text.slice(1);
  while (!rest.startsWith("}")) {
    const [name] = LABEL.exec(rest) ?? [];
    must(name && !(name in labels), line, "a label's name");
    const quoted = /^="((?:[^"\\\n]|\\[\\"n])*)"/.exec(rest.slice(name.length));
    must(quoted, line, "a label's value");
    labels[name] = quoted[1].replace(/\\([\\"n])/g, (_, c) => (c === "n" ? "\n" : c));
    rest = rest.slice(name.length + quoted[0].length);
    must(/^(,|\})/.test(rest), line, "what follows a label");
    rest = rest.replace(/^,/, "");
  }
  return { labels, rest: rest.slice(1) };
}

/** Buckets rise, end with +Inf, and agree with the count. */
function checkHistogram(name, samples) {
  const series = new Map();
  for (const { suffix, labels: { le, ...labels }, value } of samples) {
    const key = JSON.stringify(labels);
    if (!series.has(key)) series.set(key, { buckets: [] });
    const one = series.get(key);
    if (suffix !== "_bucket") one[suffix] = value;
    else one.buckets.push([numberOf(le), value]);
  }
  for (const [labels, { buckets, _sum, _count }] of series) {
    const line = `${name}${labels}`;
    must(_sum !== undefined && _count !== undefined, line, "_sum and _count");
    must(buckets.at(-1)?.[0] === Infinity && buckets.at(-1)[1] === _count, line, "the last bucket");
    must(buckets.every(([le, n], i) => !i || (buckets[i - 1][0] < le && buckets[i - 1][1] <= n)), line, "buckets");
  }
}

/** @typedef {{ suffix: string, labels: Record<string, string>, value: number }} Sample */

/**
 * @param {string} text
 * @returns {Map<string, { type: string, help: string, samples: Sample[] }>}
 */
export function parsePrometheus(text) {
  must(text === "" || text.endsWith("\n"), text.slice(-50), "the end of the last line");
  const families = new Map();
  const seen = new Set();
  let current;
  for (const line of text.split("\n").slice(0, -1)) {
    const comment = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
    if (comment) {
      const [, kind, name, rest] = comment;
      must(NAME.exec(name)?.[0] === name, line, "a name");
      if (kind === "HELP") {
        must(!families.has(name), line, "a family in two places");
        must(!/\\(?![\\n])/.test(rest), line, "an escape");
        current = { name, help: rest, samples: [] };
        families.set(name, current);
      } else {
        must(current?.name === name && !current.type && !current.samples.length, line, "a type in its place");
        must(TYPES.includes(rest), line, "a type");
        must(rest !== "counter" || name.endsWith("_total"), line, "a counter's name");
        must(rest === "counter" || !/_(total|sum|count|bucket)$/.test(name), line, "a name kept for other types");
        current.type = rest;
      }
      continue;
    }
    const [name] = NAME.exec(line) ?? [];
    must(name, line, "a sample");
    const after = line.slice(name.length);
    const { labels, rest } = after.startsWith("{") ? labelsOf(after, line) : { labels: {}, rest: after };
    const [, value] = /^ (\S+)$/.exec(rest) ?? [];
    must(value && NUMBER.test(value), line, "a value");
    must(current?.type && name.startsWith(current.name), line, "a sample outside its family");
    const suffix = name.slice(current.name.length);
    must((SUFFIXES[current.type] ?? [""]).includes(suffix), line, "a suffix");
    must((suffix === "_bucket") === "le" in labels, line, "le");
    const series = name + JSON.stringify(Object.entries(labels).sort());
    must(!seen.has(series), line, "a series twice");
    seen.add(series);
    current.samples.push({ suffix, labels, value: numberOf(value) });
  }
  for (const [name, { type, samples }] of families) if (type === "histogram") checkHistogram(name, samples);
  return families;
}
