// SPDX-License-Identifier: Apache-2.0
// What may be done to a list of models, as functions of the list alone. docs/registry.md says what each means;
// each changes the list that it is given, or throws a sentence and leaves what it then is to be thrown away.
import { MiteError } from "../../errors.js";

/** @typedef {import("../../field/manifest.js").Change} Change */
/** @typedef {import("../../field/manifest.js").Entry} Entry */
/** @typedef {import("../../field/manifest.js").Manifest} Manifest */
/** @typedef {import("../../field/manifest.js").Version} Version */

/** What a channel is when nobody says otherwise. */
export const STABLE = "stable";
/** Every page downloads the list, so that the past in it must end somewhere. */
const MAX_HISTORY = 100;

/** @param {string} sentence @returns {never} */
function refuse(sentence) {
  throw new MiteError("argument", sentence);
}

/** @param {readonly string[]} names */
const listed = (names) => names.join(", ") || "none";

/** @param {Manifest} list @param {string} name @returns {Entry} */
export function entryOf({ models }, name) {
  if (Object.hasOwn(models, name)) return models[name];
  return refuse(`there is no model ${name} in the list; it has ${listed(Object.keys(models))}`);
}

/** @param {Entry} entry @param {string} name @param {string} version @returns {Version} */
export function versionOf({ versions }, name, version) {
  if (Object.hasOwn(versions, version)) return versions[version];
  return refuse(`${name} has no version ${version}; it has ${listed(Object.keys(versions))}`);
}

/** @param {Entry} entry @param {string} name @param {string} channel */
export function channelOf({ channels }, name, channel) {
  if (Object.hasOwn(channels, channel)) return channels[channel];
  return refuse(`${name} has no channel ${channel}; it has ${listed(Object.keys(channels))}`);
}

/** Of a hundred, without the dust of binary fractions. @param {number} percent */
export const restOf = (percent) => Number((100 - percent).toFixed(6));

/** @param {Entry} entry @param {Change} change */
function note(entry, change) {
  entry.history = [...(entry.history ?? []), change].slice(-MAX_HISTORY);
}

/**
 * @param {Manifest} list
 * @param {{ name: string, version: string, record: Version }} added
 */
export function addVersion({ models }, { name, version, record }) {
  if (!Object.hasOwn(models, name)) models[name] = { versions: {}, channels: {}, history: [] };
  const entry = models[name];
  if (Object.hasOwn(entry.versions, version)) {
    const same = entry.versions[version].sha256 === record.sha256;
    const what = same ? "is in the list already, the same file" : "is in the list already, and is another file";
    refuse(`${name} ${version} ${what}; a version never changes: give it another number`);
  }
  entry.versions[version] = record;
  note(entry, { at: record.added, what: "add", version });
}

/**
 * Has a channel serve a version to a share of the devices; the others get what all of them had before, and so
 * do those on which the version turns out not to work.
 * @param {Manifest} list
 * @param {{ name: string, version: string, channel: string, percent: number, at: string }} wish
 */
export function promote(list, { name, version, channel, percent, at }) {
  const entry = entryOf(list, name);
  versionOf(entry, name, version);
  const before = otherVersion(entry, channel, version);
  if (before === undefined && percent < 100) {
    const rest = `the other ${restOf(percent)} % could have`;
    refuse(`${channel} of ${name} has no other version, which ${rest}; promote it to 100 % first`);
  }
  entry.channels[channel] = { version, percent, ...(before !== undefined && { otherwise: before }) };
  note(entry, { at, what: "promote", version, channel, percent, ...(before !== undefined && { before }) });
}

/**
 * The version that a channel's other devices keep when it begins to serve `version`, or serves it to more of
 * them.
 * @param {Entry} entry
 * @param {string} channel
 * @param {string} version
 * @returns {string | undefined}
 */
function otherVersion(entry, channel, version) {
  const now = Object.hasOwn(entry.channels, channel) ? entry.channels[channel] : undefined;
  if (!now) {
    const stable = channel !== STABLE && Object.hasOwn(entry.channels, STABLE) && entry.channels[STABLE];
    const whole = stable && wholeVersion(stable);
    return whole && whole !== version ? whole : undefined;
  }
  const whole = now.version === version ? now.otherwise : wholeVersion(now);
  return whole === version ? versionBefore(entry, channel, version) : whole;
}

/**
 * What all of a channel's devices have, or had until a roll-out began that has not ended.
 * @param {import("../../field/manifest.js").Channel} channel
 */
const wholeVersion = ({ version, percent, otherwise }) => (percent === 100 ? version : otherwise);

/** @param {Entry} entry @param {string} channel @param {string} version */
function versionBefore(entry, channel, version) {
  const last = entry.history.findLast(
    (change) => change.what === "promote" && change.channel === channel && change.version === version,
  );
  const { before = version } = last ?? {};
  return before !== version && Object.hasOwn(entry.versions, before) ? before : undefined;
}

/**
 * @param {Manifest} list
 * @param {{ name: string, channel: string, at: string }} wish
 * @returns {{ from: string, to: string }}
 */
export function rollBack(list, { name, channel, at }) {
  const entry = entryOf(list, name);
  const { version: from, otherwise } = channelOf(entry, name, channel);
  const to = otherwise ?? versionBefore(entry, channel, from);
  if (to === undefined) return refuse(`${channel} of ${name} had no version before ${from} that is still there; promote another`);
  const before = versionBefore(entry, channel, to);
  entry.channels[channel] = { version: to, percent: 100, ...(before !== undefined && { otherwise: before }) };
  note(entry, { at, what: "rollback", version: to, channel, percent: 100, before: from });
  return { from, to };
}

/**
 * @param {Manifest} list
 * @param {{ name: string, version: string, at: string }} wish
 * @returns {Version} whose file nobody needs any more
 */
export function removeVersion(list, { name, version, at }) {
  const entry = entryOf(list, name);
  const record = versionOf(entry, name, version);
  for (const [channel, served] of Object.entries(entry.channels)) {
    if (served.version === version) refuse(`${channel} of ${name} serves ${version}; promote another version to it first`);
    if (served.otherwise === version) {
      refuse(`${channel} of ${name} goes back to ${version} where ${served.version} does not work; it can go when that is no longer so`);
    }
  }
  delete entry.versions[version];
  note(entry, { at, what: "remove", version });
  if (!Object.keys(entry.versions).length) delete list.models[name];
  return record;
}

/**
 * @param {Manifest} list
 * @param {{ name: string, channel: string, at: string }} wish
 */
export function removeChannel(list, { name, channel, at }) {
  const entry = entryOf(list, name);
  const { version } = channelOf(entry, name, channel);
  delete entry.channels[channel];
  note(entry, { at, what: "remove", version, channel });
}
