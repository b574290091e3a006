// SPDX-License-Identifier: Apache-2.0
// The patterns of a tokenizer.json, which are written for Rust's and Oniguruma's regular expressions.
import { MiteError, messageOf } from "../errors.js";

/** @typedef {{ Regex: string } | { String: string }} PatternJson */

/** What Rust's `char::is_whitespace` accepts; JavaScript's \s has U+FEFF as well. */
export const WHITESPACE = /\p{White_Space}/u;
/** Rust's `\w` (UTS #18, annex C). */
const WORD = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}";
export const WORD_RUNS = new RegExp(`[${WORD}]+|[^${WORD}\\p{White_Space}]+`, "gu");

/**
 * @param {PatternJson | string} pattern
 * @returns {RegExp} global
 */
export function compilePattern(pattern) {
  const literal = typeof pattern === "string" ? pattern : "String" in pattern && pattern.String;
  if (typeof literal === "string") {
    return new RegExp(literal.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&").replace(/\\-/g, "\\x2d"), "gu");
  }
  const source = /** @type {{ Regex: string }} */ (pattern).Regex;
  try {
    return new RegExp(translate(source), "gu");
  } catch (error) {
    throw new MiteError(
      "unsupported",
      `the tokenizer's pattern ${source} cannot be used in JavaScript: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

/**
 * Groups of their own case rule are written out, possessive quantifiers become greedy ones (the same
 * wherever what follows cannot match what was taken, as in the patterns of GPT and Llama), and
 * escapes that JavaScript forbids lose their backslash.
 * @param {string} source
 */
function translate(source) {
  let out = "";
  let inClass = false;
  /** @type {boolean[]} Whether case is ignored, for each open group. */
  const ignoresCase = [false];
  for (let at = 0; at < source.length; at++) {
    const c = source[at];
    const ignoring = ignoresCase[ignoresCase.length - 1];
    if (c === "\\") {
      const escape = /^\\(?:[pP]\{[^}]*\}|x[0-9a-fA-F]{2}|x\{[0-9a-fA-F]+\}|u[0-9a-fA-F]{4}|.)/su.exec(
        source.slice(at),
      );
      const text = escape?.[0] ?? c;
      out += translateEscape(text, inClass);
      at += text.length - 1;
    } else if (inClass) {
      if (c === "]") inClass = false;
      out += c === "[" ? "\\[" : bothCases(c, ignoring, false);
    } else if (c === "[") {
      inClass = true;
      out += c;
      if (source[at + 1] === "^") out += source[++at];
      if (source[at + 1] === "]") out += "\\" + source[++at];
    } else if (c === "(") {
      const flagged = /^\(\?i:/.exec(source.slice(at));
      ignoresCase.push(ignoring || !!flagged);
      out += flagged ? "(?:" : c;
      if (flagged) at += flagged[0].length - 1;
    } else {
      if (c === ")") ignoresCase.pop();
      const possessive = c === "+" && /(?<!\\)(?:[?*+]|\{\d+(?:,\d*)?\})$/.test(source.slice(0, at));
      if (!possessive) out += bothCases(c, ignoring, true);
    }
  }
  return out;
}

/** Classes that are Unicode's in Rust and Oniguruma. */
const UNICODE_CLASSES = /** @type {Record<string, string>} */ ({
  "\\s": "\\p{White_Space}",
  "\\S": "\\P{White_Space}",
  "\\d": "\\p{Nd}",
  "\\D": "\\P{Nd}",
});

/**
 * @param {string} escape
 * @param {boolean} inClass
 */
function translateEscape(escape, inClass) {
  if (UNICODE_CLASSES[escape]) return UNICODE_CLASSES[escape];
  if (escape === "\\w") return inClass ? WORD : `[${WORD}]`;
  const code = /^\\x\{([0-9a-fA-F]+)\}$/.exec(escape);
  if (code) return `\\u{${code[1]}}`;
  if (escape === "\\A") return "^";
  if (escape === "\\z" || escape === "\\Z") return "$";
  if (escape === "\\h") return "[0-9a-fA-F]";
  const plain = /^\\([^\w\s^$\\.*+?()[\]{}|/-])$/su.exec(escape);
  return plain ? plain[1] : escape;
}

/**
 * @param {string} c
 * @param {boolean} ignoring
 * @param {boolean} asClass
 */
function bothCases(c, ignoring, asClass) {
  if (!ignoring || !/\p{L}/u.test(c)) return c;
  const both = c.toLowerCase() + c.toUpperCase();
  return asClass ? `[${both}]` : both;
}

/** @typedef {"Removed" | "Isolated" | "MergedWithPrevious" | "MergedWithNext" | "Contiguous"} Behavior */

/**
 * Cuts a text where a pattern matches.
 * @param {string} text
 * @param {RegExp} pattern global
 * @param {Behavior} behavior what becomes of the matches
 * @param {boolean} [invert] the gaps are what matches
 * @returns {string[]} without empty ones
 */
export function cut(text, pattern, behavior, invert = false) {
  /** @type {{ text: string, match: boolean }[]} */
  const parts = [];
  let end = 0;
  for (const { 0: found, index } of text.matchAll(pattern)) {
    if (!found) continue;
    if (index > end) parts.push({ text: text.slice(end, index), match: invert });
    parts.push({ text: found, match: !invert });
    end = index + found.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end), match: invert });
  return joinParts(parts, behavior);
}

/**
 * @param {{ text: string, match: boolean }[]} parts
 * @param {Behavior} behavior
 */
function joinParts(parts, behavior) {
  if (behavior === "Removed") return parts.filter(({ match }) => !match).map(({ text }) => text);
  if (behavior === "Isolated") return parts.map(({ text }) => text);
  const backwards = behavior === "MergedWithNext";
  /** @type {string[]} */
  const pieces = [];
  /** @type {boolean | undefined} */
  let before;
  for (const { text, match } of backwards ? [...parts].reverse() : parts) {
    const last = pieces.length - 1;
    const joins = behavior === "Contiguous" ? match === before : match && !before;
    if (joins && last >= 0) pieces[last] = backwards ? text + pieces[last] : pieces[last] + text;
    else pieces.push(text);
    before = match;
  }
  return backwards ? pieces.reverse() : pieces;
}
