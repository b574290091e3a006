// SPDX-License-Identifier: Apache-2.0
// What a device remembers of one model, and how that changes. Every change leaves a version named that proved
// good, so that a page may end at any moment; docs/field.md has the table.
import { version as runtime } from "../release.js";

/** @typedef {import("../../field.d.ts").FieldEvent} FieldEvent */

/**
 * @typedef {object} Candidate a version and where its file is
 * @property {string} version
 * @property {string} sha256
 * @property {string} address
 * @property {string} added ISO 8601
 * @property {string} [key] name of the key that vouched for it
 */
/**
 * @typedef {object} Fault
 * @property {string} why
 * @property {number} times
 * @property {number} [until] ms since 1970, when it may be tried again; absent: not with this mite
 * @property {string} runtime the mite that met it
 */
/**
 * What a channel, or a pinned version, comes to here.
 * @typedef {object} Line
 * @property {Candidate[]} good the one that serves, then the way back
 * @property {number} opened ms since 1970
 */
/**
 * @typedef {object} DeviceRecord
 * @property {1} format
 * @property {number} serial of the newest list that was seen
 * @property {{ [line: string]: Line }} lines
 * @property {{ [sha256: string]: Fault }} faults
 * @property {Candidate & { testing: boolean }} [trying]
 * @property {{ [sha256: string]: string }} reports g and b, newest last
 * @property {string[]} files addresses of which the device may hold the files
 * @property {FieldEvent[]} history
 */

const MAX_HISTORY = 100;
const MAX_GOOD = 2;
const HOUR = 3600_000;
const DAY = 24 * HOUR;
const FORGOTTEN = 30 * DAY; // a channel that no page has asked for

/** Say something of this moment, and nothing of the version. */
const PASSING = new Set(["network", "quota", "disposed", "aborted"]);
/** Would be the same again. */
const LASTING = new Set(["version", "unsupported", "self-test", "not-accepted", "reported"]);

/**
 * @param {unknown} remembered
 * @returns {DeviceRecord}
 */
export function recordFrom(remembered) {
  const known = /** @type {DeviceRecord | undefined} */ (remembered);
  if (known?.format === 1) return known;
  return { format: 1, serial: 0, lines: {}, faults: {}, reports: {}, files: [], history: [] };
}

/**
 * @param {DeviceRecord} record
 * @param {string} sha256
 */
export function isBad({ faults }, sha256) {
  const fault = Object.hasOwn(faults, sha256) ? faults[sha256] : undefined;
  if (fault?.runtime !== runtime) return false; // a newer mite may do better
  const wait = fault.until === undefined ? 1 : fault.until - Date.now();
  return wait > 0 && wait <= DAY; // a clock that was set back is not waited for
}

/**
 * A version failed. What may pass (wrong bytes from a server, too little memory, a page that ended) is tried
 * again at the next check, and after that at growing intervals, so that nothing is downloaded at every visit.
 * @param {DeviceRecord} record
 * @param {string} sha256
 * @param {string} code
 * @param {string} why
 */
export function noteFault(record, sha256, code, why) {
  if (PASSING.has(code)) return;
  const times = (record.faults[sha256]?.times ?? 0) + 1;
  const wait = times < 2 ? 0 : Math.min(HOUR * 2 ** (times - 2), DAY);
  const until = LASTING.has(code) ? undefined : Date.now() + wait;
  record.faults[sha256] = { why, times, runtime, ...(until !== undefined && { until }) };
}

/**
 * A version serves that proved good. The way back is the one before it; but not if the list goes back itself,
 * which withdraws the later one.
 * @param {DeviceRecord} record
 * @param {string} line
 * @param {Candidate} candidate
 */
export function noteGood(record, line, candidate) {
  const { sha256, added } = candidate;
  const before = goodOf(record, line).filter(
    (one) => one.sha256 !== sha256 && Date.parse(one.added) < Date.parse(added) && !isBad(record, one.sha256),
  );
  record.lines[line] = { good: [candidate, ...before].slice(0, MAX_GOOD), opened: Date.now() };
  delete record.faults[sha256];
  noteFile(record, candidate);
}

/** @param {DeviceRecord} record @param {Candidate} candidate */
export function noteFile(record, { address }) {
  record.files = [...new Set([...record.files, address])];
}

/**
 * The versions that proved good here, the one that serves first.
 * @param {DeviceRecord} record
 * @param {string} line
 * @returns {Candidate[]}
 */
export function goodOf({ lines }, line) {
  return Object.hasOwn(lines, line) ? lines[line].good : [];
}

/**
 * What is known of versions that the list has no longer, and channels that nobody asks for, are forgotten.
 * @param {DeviceRecord} record
 * @param {string} line
 * @param {Set<string>} listed hashes
 */
export function forgetOld(record, line, listed) {
  for (const known of [record.faults, record.reports]) {
    for (const sha256 of Object.keys(known)) if (!listed.has(sha256)) delete known[sha256];
  }
  for (const [name, { opened }] of Object.entries(record.lines)) {
    if (name !== line && opened < Date.now() - FORGOTTEN) delete record.lines[name];
  }
}

/**
 * The page that was trying a version has ended. If it did while the version ran, that may be why.
 * @param {DeviceRecord} record
 */
export function noteInterruption(record) {
  const { trying } = record;
  delete record.trying;
  if (trying?.testing) noteFault(record, trying.sha256, "ended", "the page ended while it was tested");
}

/**
 * @param {DeviceRecord} record
 * @param {string} sha256
 * @param {"good" | "bad"} verdict
 * @param {number} of so many are remembered
 */
export function noteReport(record, sha256, verdict, of) {
  record.reports[sha256] = ((record.reports[sha256] ?? "") + verdict[0]).slice(-of);
}

/**
 * @param {DeviceRecord} record
 * @param {string} sha256
 */
export function badReports({ reports }, sha256) {
  return [...(reports[sha256] ?? "")].filter((one) => one === "b").length;
}

/**
 * @param {DeviceRecord} record
 * @param {FieldEvent} event
 */
export function noteEvent(record, event) {
  record.history = [...record.history, event].slice(-MAX_HISTORY);
}
