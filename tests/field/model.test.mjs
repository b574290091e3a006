// SPDX-License-Identifier: Apache-2.0
// Every state of an update, in Node: what serves stays, and calls go on, whatever happens to what is newer.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openModel } from "../../bindings/js/dist/field.js";
import { newKey, startSites } from "./site.mjs";
import { makeVersion } from "./versions.mjs";

const input = Float32Array.from({ length: 64 }, (_, i) => (i * 7) % 16);
const v1 = makeVersion("1.0.0");
const v2 = makeVersion("2.0.0");
const v3 = makeVersion("3.0.0");
const broken = makeVersion("2.0.0", { broken: true });
const large = makeVersion("2.0.0", { chunks: 6 });

/** @type {Awaited<ReturnType<typeof startSites>>} */
let sites;
before(async () => void (sites = await startSites()));
after(() => sites.close());

/** A device: what it remembers, as text. */
function newDevice() {
  /** @type {Map<string, string>} */
  const records = new Map();
  return {
    records,
    read: async (/** @type {string} */ key) => JSON.parse(records.get(key) ?? "null") ?? undefined,
    write: async (/** @type {string} */ key, /** @type {unknown} */ value) =>
      void records.set(key, JSON.stringify(value)),
    /** Of the one model it has. */
    get record() {
      const key = [...records.keys()].find((each) => each.includes("models.json"));
      return JSON.parse(records.get(key ?? "") ?? "null");
    },
    /** @param {(record: any) => void} change what was written last */
    change(change) {
      const key = /** @type {string} */ ([...records.keys()].find((each) => each.includes("models.json")));
      const { record } = this;
      change(record);
      records.set(key, JSON.stringify(record));
    },
  };
}

/** Opens it as a visit would; `visit.close()` ends it. */
async function visit(site, device, options = {}) {
  const model = await openModel(site.list, {
    publicKeys: site.publicKeys, memory: device, update: "wait", load: { retry: 0 }, ...options,
  });
  open.add(model);
  return model;
}
const open = new Set();
after(() => Promise.all([...open].map((model) => model.dispose())));

/** Calls without a pause, until it is told to stop; every one must give ten numbers. */
function keepCalling(model) {
  let stopped = false;
  const versions = [];
  const calling = (async () => {
    while (!stopped) {
      versions.push(model.version);
      const { data } = await model.run(input);
      assert.equal(data.length, 10);
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  return async () => {
    stopped = true;
    await calling;
    return versions;
  };
}

const types = (model) => model.history.map(({ type, version }) => (version ? `${type} ${version}` : type));
const fails = (code, words) => (error) => {
  assert.equal(error.name, "MiteError", String(error.stack));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, words);
  return true;
};

/** A site with 1.0.0, and a device on which it serves. */
async function served(options) {
  const site = await sites.newSite();
  site.add("1.0.0", v1);
  await site.promote("1.0.0");
  const device = newDevice();
  const model = await visit(site, device, options);
  assert.equal(model.version, "1.0.0");
  return { site, device, model };
}

test("a new version that is good takes over between two calls, and none is lost", async () => {
  const { site, device, model } = await served();
  site.add("2.0.0", v2);
  await site.promote("2.0.0");
  const stop = keepCalling(model);
  assert.equal(await model.checkForUpdate(), true);
  assert.equal(model.version, "2.0.0");
  assert.equal(model.metadata.version, "2.0.0");
  await model.run(input);
  const versions = await stop();
  assert.deepEqual([...new Set(versions)].slice(0, 1), ["1.0.0"]);
  assert.equal(await model.checkForUpdate(), false);
  assert.deepEqual(types(model), ["trying 1.0.0", "serving 1.0.0", "trying 2.0.0", "serving 2.0.0"]);
  assert.deepEqual(device.record.lines.stable.good.map((one) => one.version), ["2.0.0", "1.0.0"]);
  assert.equal(device.record.trying, undefined);
  for (const { at } of model.history) assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60_000);

  site.say("{}"); // whatever the list says, what proved good serves at once
  const next = await visit(site, device, { update: "never" });
  assert.equal(next.version, "2.0.0");
});

test("calls that began on the old version end on it, and held pictures stay with it", async () => {
  const { site, model } = await served({ load: { worker: true, threads: 1 } });
  const preprocess = { width: 8, height: 8, order: "gray", layout: "nchw" };
  const pixels = { data: new Uint8Array(8 * 8 * 4).fill(200), width: 8, height: 8 };
  const held = await model.holdImage(pixels, { preprocess });
  const running = Array.from({ length: 50 }, () => model.run(input));
  site.add("2.0.0", v2);
  await site.promote("2.0.0");
  await model.checkForUpdate();
  for (const { data } of await Promise.all(running)) assert.equal(data.length, 10);
  const { outputs } = await held.run();
  assert.deepEqual(outputs.logits.data, held.outputs.logits.data);
  held.release();
  held.release(); // once is enough
  await assert.rejects(held.run());
  assert.equal((await model.run(input)).data.length, 10);
});

test("a download that is cut at any chunk leaves the old version serving, and is tried again", async () => {
  const { site, model } = await served();
  site.add("2.0.0", large);
  await site.promote("2.0.0");
  const chunks = Math.ceil(large.length / 262144);
  const cuts = Array.from({ length: chunks }, (_, i) => i * 262144 + 64);
  const stop = keepCalling(model);
  for (const cut of [0, 100, ...cuts, large.length - 1]) {
    site.plan("2.0.0", { cut, whole: true });
    await assert.rejects(model.checkForUpdate(), fails("network", /./));
    assert.equal(model.version, "1.0.0");
  }
  site.plan("2.0.0");
  assert.equal(await model.checkForUpdate(), true);
  await stop();
  const told = types(model).filter((each) => each.startsWith("rejected"));
  assert.equal(told.length, cuts.length + 3);
});

test("a file with another hash is refused, and tried again at growing intervals", async () => {
  const { site, device, model } = await served();
  site.add("2.0.0", v2);
  await site.promote("2.0.0");
  for (const wrong of [v3, Buffer.from("<!doctype html><title>Please log in</title>".repeat(300))]) {
    site.plan("2.0.0", { bytes: wrong });
    await assert.rejects(model.checkForUpdate(), fails("format", /./));
    assert.equal(model.version, "1.0.0");
  }
  assert.equal(model.history.at(-1).code, "format");
  site.plan("2.0.0");
  assert.equal(await model.checkForUpdate(), false); // not now
  assert.equal(site.requestsFor("2.0.0"), 0);
  const { until } = device.record.faults[site.versions["2.0.0"].sha256];
  assert.ok(Math.abs(until - Date.now() - 3600_000) < 60_000);
  device.change((record) => (record.faults[site.versions["2.0.0"].sha256].until = Date.now() - 1));
  assert.equal(await model.checkForUpdate(), true);
  assert.deepEqual(device.record.faults, {});
});

test("nothing is taken from a list that is not signed, changed after that, or signed by others", async () => {
  const { site, model } = await served();
  site.add("2.0.0", v2);
  site.channels.stable.version = "2.0.0";
  const other = await newKey();
  const lists = [
    { signed: false },
    { by: other },
    { change: (list) => list.serial++ },
    { change: (list) => (list.models.digits.versions["2.0.0"].sha256 = "0".repeat(64)) },
    { change: (list) => (list.signatures[0].key = other.name) },
    { change: (list) => (list.signatures = []) },
  ];
  for (const how of lists) {
    await site.publish(how);
    await assert.rejects(model.checkForUpdate(), fails("format", /not signed by a key that this page trusts/));
    assert.equal(model.version, "1.0.0");
    assert.equal(site.requestsFor("2.0.0"), 0);
    await assert.rejects(visit(site, newDevice()), fails("format", /not signed/));
  }
  assert.equal(model.history.at(-1).type, "check-failed");
  await site.publish({ signed: false });
  const developing = await visit(site, newDevice(), { publicKeys: [], unsigned: true });
  assert.equal(developing.version, "2.0.0");
  await site.publish({ by: other });
  const both = await visit(site, newDevice(), { publicKeys: [...site.publicKeys, other.publicKey] });
  assert.equal(both.version, "2.0.0");
});

test("what is remembered counts as long as the page trusts the key that signed it", async () => {
  const { site, device, model } = await served();
  await model.dispose();
  const other = await newKey();
  const { text } = site;
  await site.publish({ by: other });
  const newList = site.text;
  site.say("gone");
  for (const publicKeys of [[other.publicKey], [other.publicKey, site.publicKeys[0]]]) {
    const opening = visit(site, device, { publicKeys, update: "never" });
    if (publicKeys.length === 1) await assert.rejects(opening, fails("format", /./));
    else assert.equal((await opening).version, "1.0.0");
  }
  site.say(newList);
  const next = await visit(site, device, { publicKeys: [other.publicKey] });
  assert.equal(next.version, "1.0.0");
  site.say("gone");
  assert.equal((await visit(site, device, { publicKeys: [other.publicKey] })).version, "1.0.0");
  await assert.rejects(visit(site, device));
  site.say(text);
  await assert.rejects(visit(site, device), fails("format", /older/));

  // What was taken without a signature is nothing to a page that wants one.
  const careless = await served({ unsigned: true });
  careless.site.say("gone");
  assert.equal((await visit(careless.site, careless.device, { unsigned: true })).version, "1.0.0");
  await assert.rejects(visit(careless.site, careless.device), fails("format", /./));
});

test("an older list is refused; a newer one that goes back is followed", async () => {
  const { site, device, model } = await served();
  const { text: first } = site;
  site.add("2.0.0", v2);
  await site.promote("2.0.0");
  await model.checkForUpdate();
  site.say(first);
  await assert.rejects(model.checkForUpdate(), fails("format", /older \(serial 1\)/));
  assert.equal(model.version, "2.0.0");
  await site.promote("1.0.0");
  assert.equal(await model.checkForUpdate(), true);
  assert.equal(model.version, "1.0.0");
  // What the list has withdrawn is no way back.
  assert.deepEqual(device.record.lines.stable.good.map((one) => one.version), ["1.0.0"]);
  assert.equal(await model.rollBack("it is wrong"), false);
  assert.equal(model.version, "1.0.0");
  assert.equal(model.history.at(-1).type, "no-way-back");
});

test("lists that are none say so, and what serves stays", async () => {
  const { site, model } = await served();
  for (const [text, words] of [
    [" ", /cannot be used/], ["<html>", /a web page/], ["[]", /its format/], ["{}", /its format/],
    ['{"format":"mite-models","formatVersion":2}', /format version 2.*update mite/],
  ]) {
    site.say(text);
    await assert.rejects(model.checkForUpdate(), (error) => words.test(error.message));
  }
  await site.publish({ steps: [{ status: 404 }, { status: 503 }, { cut: 20 }] });
  for (const words of [/404/, /503/, /broke off|fetched/]) {
    await assert.rejects(model.checkForUpdate(), fails("network", words));
  }
  assert.equal((await model.run(input)).data.length, 10);
});

test("a version that fails its self-test does not serve, and is not downloaded again", async () => {
  const { site, model } = await served();
  site.add("2.0.0", broken);
  await site.promote("2.0.0", { otherwise: "1.0.0" });
  const stop = keepCalling(model);
  await assert.rejects(model.checkForUpdate(), fails("unsupported", /self-test differs by 1 /));
  assert.deepEqual([model.version, model.history.at(-1).code], ["1.0.0", "self-test"]);
  assert.equal(site.requestsFor("2.0.0"), 1);
  assert.equal(await model.checkForUpdate(), false);
  assert.equal(site.requestsFor("2.0.0"), 1);
  assert.deepEqual([...new Set(await stop())], ["1.0.0"]);

  const fresh = await visit(site, newDevice()); // the other version that the channel names
  assert.equal(fresh.version, "1.0.0");
  await site.promote("2.0.0");
  const device = newDevice();
  await assert.rejects(visit(site, device), fails("unsupported", /self-test/));
  await assert.rejects(visit(site, device), fails("unsupported", /no version of model digits.*2\.0\.0: its self-test/));
});

test("a version without a self-test is taken for its hash, and the page may ask for more", async () => {
  const { site, model, device } = await served();
  site.add("2.0.0", makeVersion("2.0.0", { untested: true }));
  await site.promote("2.0.0");
  assert.equal(await model.checkForUpdate(), true);
  site.add("3.0.0", v3);
  await site.promote("3.0.0");
  const seen = [];
  const accept = async (candidate) => {
    seen.push(candidate.metadata.version);
    return (await candidate.run(input)).data.length === 11;
  };
  const careful = await visit(site, device, { accept });
  assert.deepEqual([careful.version, seen, careful.history.at(-2).code], ["2.0.0", ["3.0.0"], "not-accepted"]);
  const other = newDevice();
  const throws = () => {
    throw new Error("no such thing");
  };
  await assert.rejects(visit(site, other, { accept: throws }), fails("unsupported", /no such thing/));
});

test("a worker that dies while a version is tried rejects it alone", async () => {
  const { site, model } = await served({ load: { worker: true, threads: 1, retry: 0 } });
  site.add("2.0.0", large);
  await site.promote("2.0.0");
  process.once("worker", (worker) => {
    worker.on("message", ({ event }) => event === "pull" && worker.terminate()); // it has begun to read the file
  });
  const stop = keepCalling(model);
  await assert.rejects(model.checkForUpdate(), fails("crashed", /./));
  assert.equal(model.version, "1.0.0");
  assert.equal(await model.checkForUpdate(), true);
  await stop();
});

test("a worker that dies while it serves is replaced, calls wait for that, and the third time it goes back", async () => {
  const workers = [];
  const watch = (worker) => workers.push(worker);
  process.on("worker", watch);
  try {
    const { site, model } = await served({ load: { worker: true, threads: 1, retry: 0 } });
    site.add("2.0.0", v2);
    await site.promote("2.0.0");
    await model.checkForUpdate();
    for (let crash = 1; crash <= 3; crash++) {
      await workers.at(-1).terminate();
      await assert.rejects(model.run(input), fails("crashed", /./));
      const later = Float32Array.from(input);
      const waiting = model.run(later);
      later.fill(NaN); // taken when the call was made
      const moved = Float32Array.from(input);
      const moving = model.run(moved, { transfer: [moved.buffer] });
      assert.equal(moved.length, 0);
      assert.ok((await waiting).data.every(Number.isFinite));
      assert.deepEqual((await moving).data, (await waiting).data);
    }
    while (!types(model).includes("rolled-back 2.0.0")) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(model.version, "1.0.0");
    assert.equal(types(model).filter((each) => each === "crashed 2.0.0").length, 3);
    assert.equal((await model.run(input)).data.length, 10);
  } finally {
    process.off("worker", watch);
  }
});

test("a visit that ended while a version was tried is followed by one that serves the old one", async () => {
  const { site, device, model } = await served();
  await model.dispose();
  site.add("2.0.0", v2);
  await site.promote("2.0.0");
  const { sha256 } = site.versions["2.0.0"];
  const address = new URL(site.versions["2.0.0"].file, site.list).href;
  const trying = { version: "2.0.0", sha256, address, added: site.versions["2.0.0"].added };
  // In the middle of the download: nothing speaks against the version.
  device.change((record) => (record.trying = { ...trying, testing: false }));
  const second = await visit(site, device, { update: "never" });
  assert.equal(second.version, "1.0.0");
  device.change((record) => (record.faults = {}));
  assert.equal(await second.checkForUpdate(), true);
  assert.ok(types(second).includes("interrupted 2.0.0"));

  // While it ran: twice, and it is left alone for a while.
  const again = await served();
  again.site.add("2.0.0", v2);
  await again.site.promote("2.0.0");
  for (const until of [0, 3600_000]) {
    again.device.change((record) => (record.trying = { ...trying, testing: true }));
    site.plan("2.0.0", { status: 503 });
    again.site.plan("2.0.0", { status: 503 });
    const next = await visit(again.site, again.device);
    assert.equal(next.version, "1.0.0");
    const fault = again.device.record.faults[sha256];
    assert.ok(Math.abs(fault.until - Date.now() - until) < 60_000, JSON.stringify(fault));
  }
  const patient = await visit(again.site, again.device);
  assert.equal(patient.version, "1.0.0");
  assert.equal(again.device.record.trying, undefined);
});

test("a device that stops at any moment of an update has a version that proved good", async (t) => {
  // The lock of a page ends with it, which what only stands still here does not.
  const { navigator = {} } = globalThis; // Node 20 has none
  Object.defineProperty(navigator, "locks", { configurable: true, value: undefined });
  t.after(() => Reflect.deleteProperty(navigator, "locks"));
  const site = await sites.newSite();
  site.add("1.0.0", v1);
  await site.promote("1.0.0");
  const device = newDevice();
  await (await visit(site, device)).dispose();
  site.add("2.0.0", v2);
  await site.promote("2.0.0");
  const versions = [];
  for (let writes = 0; ; writes++) {
    const copy = newDevice();
    for (const [key, value] of device.records) copy.records.set(key, value);
    let left = writes;
    let stopped = () => {};
    const stopping = new Promise((resolve) => (stopped = () => resolve("stopped")));
    const dying = {
      read: copy.read,
      write: async (key, value) => (left-- > 0 ? copy.write(key, value) : (stopped(), new Promise(() => {}))),
    };
    const opening = visit(site, dying);
    const end = await Promise.race([opening.then(() => "done"), stopping]);
    const { text } = site;
    site.say("gone");
    const next = await visit(site, copy, { update: "never" });
    versions.push(next.version);
    site.say(text);
    await next.checkForUpdate();
    assert.equal(next.version, "2.0.0", `after ${writes} writes`);
    if (end === "done") break;
  }
  assert.ok(versions.length > 5, versions.join());
  assert.deepEqual(versions, versions.toSorted(), "no way back without a reason");
  assert.deepEqual([versions[0], versions.at(-1)], ["1.0.0", "2.0.0"]);
});

test("reports of bad results lead back, over visits, and what they were about is not tried again", async () => {
  const { site, device, model } = await served();
  site.add("2.0.0", v2);
  await site.promote("2.0.0");
  await model.checkForUpdate();
  const told = await Promise.all([model.report("bad"), model.report("good"), model.report("bad", "1.0.0")]);
  assert.deepEqual(told, [false, false, false]);
  assert.deepEqual(Object.values(device.record.reports), ["bg"]);
  await model.dispose();
  const next = await visit(site, device);
  assert.equal(next.version, "2.0.0");
  assert.equal(await next.report("bad"), false);
  const stop = keepCalling(next);
  const results = await Promise.all([next.report("bad"), next.report("bad"), next.report("bad")]);
  assert.ok(results.includes(true));
  assert.equal(next.version, "1.0.0");
  await stop();
  assert.equal(next.history.at(-1).type, "rolled-back");
  assert.match(next.history.at(-1).reason, /3 of the last 20/);
  assert.equal(await next.checkForUpdate(), false);
  assert.equal((await visit(site, device)).version, "1.0.0");
  site.add("3.0.0", v3);
  await site.promote("3.0.0");
  assert.equal(await next.checkForUpdate(), true);
  assert.deepEqual(device.record.lines.stable.good.map((one) => one.version), ["3.0.0", "1.0.0"]);
});

test("good reports push bad ones out, and cost nothing without them", async () => {
  const { device, model } = await served({ report: { bad: 2, of: 4 } });
  const before = JSON.stringify(device.record);
  assert.equal(await model.report("good"), false);
  assert.equal(JSON.stringify(device.record), before);
  for (const verdict of ["bad", "good", "good", "good", "bad", "good", "good", "good"]) {
    assert.equal(await model.report(verdict), false);
  }
  assert.deepEqual(Object.values(device.record.reports), ["bggg"]);
  await model.report("bad"); // pushes the other out
  assert.deepEqual(Object.values(device.record.reports), ["gggb"]);
  await model.report("bad");
  assert.equal(model.history.at(-1).type, "no-way-back");
  await assert.rejects(model.report(true), fails("argument", /"good" or "bad"/));
});

test("where this device has no earlier version, the list's other one is the way back", async () => {
  const site = await sites.newSite();
  site.add("1.0.0", v1).add("2.0.0", v2);
  await site.promote("2.0.0", { otherwise: "1.0.0" });
  const device = newDevice();
  const model = await visit(site, device);
  assert.equal(model.version, "2.0.0");
  assert.equal(await model.rollBack("wrong colours"), true);
  assert.equal(model.version, "1.0.0");
  assert.deepEqual(types(model).slice(-3), ["trying 1.0.0", "serving 1.0.0", "rolled-back 2.0.0"]);

  const stuck = newDevice();
  site.plan("1.0.0", { status: 404 });
  const other = await visit(site, stuck);
  assert.equal(await other.rollBack("wrong colours"), false);
  assert.equal(other.version, "2.0.0");
  assert.equal((await other.run(input)).data.length, 10);
  await other.dispose();
  assert.equal((await visit(site, stuck)).version, "2.0.0"); // better than nothing
  site.plan("1.0.0");
  assert.equal((await visit(site, stuck)).version, "1.0.0");
});

test("a way back that cannot be loaded is none", async () => {
  const { site, device, model } = await served();
  site.add("2.0.0", v2);
  await site.promote("2.0.0");
  await model.checkForUpdate();
  site.plan("1.0.0", { status: 404 });
  assert.equal(await model.rollBack("wrong colours"), false);
  assert.deepEqual([model.version, types(model).slice(-2)], ["2.0.0", ["load-failed 1.0.0", "no-way-back 2.0.0"]]);
  assert.equal((await model.run(input)).data.length, 10);
  const next = await visit(site, device);
  assert.equal(next.version, "2.0.0");
});

test("a version can be pinned", async () => {
  const { site, device } = await served();
  site.add("2.0.0", v2).add("3.0.0", v3);
  await site.promote("2.0.0");
  const pinned = await visit(site, device, { version: "3.0.0" });
  assert.equal(pinned.version, "3.0.0");
  await site.promote("1.0.0");
  assert.equal(await pinned.checkForUpdate(), false);
  assert.equal(await pinned.rollBack("wrong"), false); // to what, if this is the one?
  assert.equal(pinned.version, "3.0.0");
  await assert.rejects(visit(site, newDevice(), { version: "9.0.0" }), fails("argument", /no version 9\.0\.0.*3\.0\.0/));
  site.say("gone");
  assert.equal((await visit(site, device, { version: "1.0.0" })).version, "1.0.0"); // known from its channel
  await assert.rejects(visit(site, device, { version: "2.0.0" }), fails("format", /./));
});

test("a version for a newer mite goes to nobody here", async () => {
  const { site, model } = await served();
  site.add("2.0.0", v2, { runtime: "99.0.0" });
  await site.promote("2.0.0", { otherwise: "1.0.0" });
  assert.equal(await model.checkForUpdate(), false);
  assert.equal(site.requestsFor("2.0.0"), 0);
  assert.equal((await visit(site, newDevice())).version, "1.0.0");
  await site.promote("2.0.0");
  assert.equal(await model.checkForUpdate(), false);
  await assert.rejects(visit(site, newDevice()), fails("unsupported", /2\.0\.0 needs mite 99\.0\.0/));
});

test("channels are followed each for itself, and one is better than nothing for another", async () => {
  const { site, device, model } = await served();
  site.add("2.0.0", v2);
  await site.promote("2.0.0", { channel: "canary" });
  const canary = await visit(site, device, { channel: "canary" });
  assert.deepEqual([canary.version, model.version], ["2.0.0", "1.0.0"]);
  assert.equal(await model.checkForUpdate(), false);
  assert.equal((await visit(site, device)).version, "1.0.0");
  site.say("gone");
  assert.equal((await visit(site, device, { channel: "beta" })).version, "1.0.0");
  await assert.rejects(visit(site, newDevice(), { channel: "beta" }));
  await site.publish();
  await assert.rejects(visit(site, newDevice(), { channel: "beta" }), fails("argument", /no channel beta.*stable, canary/));
  await assert.rejects(visit(site, newDevice(), { name: "cats" }), fails("argument", /the list, which has digits/));
});

test("a roll-out reaches its share of devices, the same ones at every visit", async () => {
  const { site } = await served();
  site.add("2.0.0", v2);
  await site.promote("2.0.0", { percent: 30, otherwise: "1.0.0" });
  const versionFor = async (client) => {
    const model = await visit(site, newDevice(), { client });
    await model.dispose();
    return model.history.at(-1).version;
  };
  const clients = Array.from({ length: 40 }, (_, i) => `client ${i}`);
  const first = await Promise.all(clients.map(versionFor));
  assert.deepEqual(await Promise.all(clients.map(versionFor)), first);
  const share = first.filter((version) => version === "2.0.0").length;
  assert.ok(share >= 4 && share <= 22, `${share} of 40`);
  await site.promote("2.0.0", { percent: 60, otherwise: "1.0.0" });
  const second = await Promise.all(clients.map(versionFor));
  first.forEach((version, i) => assert.ok(version === "1.0.0" || second[i] === version));
  // Without a name given, a device has one of its own.
  const device = newDevice();
  await visit(site, device);
  const own = device.records.get("device");
  assert.match(own, /[0-9a-f-]{36}/);
  await visit(site, device);
  assert.equal(device.records.get("device"), own);
});

test("a server that is away, or slow, keeps nobody from what proved good", async () => {
  const { site, device } = await served();
  site.say("", [{ status: 503 }]);
  assert.equal((await visit(site, device)).version, "1.0.0");
  site.say("", [{ hang: true }]);
  const model = await visit(site, device, { update: "background" });
  assert.equal((await model.run(input)).data.length, 10);
  await model.dispose();
  await assert.rejects(model.run(input), fails("disposed", /./));
  assert.throws(() => model.version, fails("disposed", /./));
  const stop = AbortSignal.timeout(50);
  await assert.rejects(visit(site, newDevice(), { signal: stop }), (error) => error === stop.reason);
});

test("an update that is under way when the model is disposed of ends, and says nothing", async () => {
  const { site, device, model } = await served();
  site.add("2.0.0", large);
  await site.promote("2.0.0");
  site.plan("2.0.0", { pause: 20 });
  const checking = model.checkForUpdate();
  while (!types(model).includes("trying 2.0.0")) await new Promise((resolve) => setTimeout(resolve, 5));
  const before = types(model);
  await model.dispose();
  await assert.rejects(checking, fails("disposed", /./));
  assert.deepEqual([types(model), device.record.faults], [before, {}]);
});

test("two that share a device take what the other found good, and leave what it found bad", async () => {
  const { site, device, model } = await served();
  const other = await visit(site, device);
  site.add("2.0.0", v2);
  await site.promote("2.0.0");
  await Promise.all([model.checkForUpdate(), other.checkForUpdate()]);
  assert.deepEqual([model.version, other.version], ["2.0.0", "2.0.0"]);
  await Promise.all([model.report("bad"), other.report("bad")]);
  await model.report("bad");
  assert.equal(model.version, "1.0.0");
  assert.equal(await other.checkForUpdate(), true);
  assert.equal(other.version, "1.0.0");
});

test("lists and models may be files, and a folder may remember", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "mite-field-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const site = await sites.newSite();
  const put = async (version, bytes) => {
    site.add(version, bytes);
    await site.promote(version);
    writeFileSync(join(folder, site.versions[version].file), bytes);
    writeFileSync(join(folder, "models.json"), site.text);
  };
  mkdirSync(join(folder, "digits"));
  await put("1.0.0", v1);
  const memory = join(folder, "memory");
  const options = { publicKeys: site.publicKeys, memory, update: "wait" };
  const list = join(folder, "models.json");
  await (await openModel(list, options)).dispose();
  await put("2.0.0", v2);
  const model = await openModel(new URL(`file://${list}`), { ...options, memory: undefined });
  assert.equal(model.version, "2.0.0");
  await model.dispose();
  rmSync(list);
  const known = await openModel(list, options);
  assert.equal(known.version, "1.0.0");
  await known.dispose();
  assert.equal(readdirSync(memory).length, 2);
  for (const name of readdirSync(memory)) writeFileSync(join(memory, name), "{");
  await assert.rejects(openModel(list, options), fails("network", /no such file/));
});

test("what cannot be remembered does not stop the model", async () => {
  const { site, device } = await served();
  const events = [];
  let writes = 0;
  const full = {
    read: device.read,
    write: async (key, value) => {
      if (++writes > 3) throw new Error("the disk is full");
      return device.write(key, value);
    },
  };
  const model = await visit(site, full, { onEvent: (event) => events.push(event) });
  site.add("2.0.0", v2);
  await site.promote("2.0.0");
  await model.checkForUpdate();
  assert.equal(model.version, "2.0.0");
  assert.equal(await model.rollBack("wrong"), true);
  assert.equal(model.version, "1.0.0");
  await new Promise((resolve) => setTimeout(resolve, 0));
  const told = events.filter(({ type }) => type === "not-remembered");
  assert.deepEqual(told.map(({ reason }) => reason), ["the disk is full"]);
  assert.ok(model.history.length > 3);
});

test("options that make no sense are refused", async () => {
  const site = await sites.newSite();
  for (const [options, words] of [
    [undefined, /publicKeys/], [{}, /keygen/], [{ publicKeys: [] }, /publicKeys/],
    [{ unsigned: true, update: "soon" }, /background, wait, never/],
    [{ unsigned: true, report: { bad: 0 } }, /0 < bad/],
    [{ unsigned: true, report: { bad: 3, of: 2 } }, /0 < bad/],
  ]) await assert.rejects(openModel(site.list, options), fails("argument", words));
  site.add("1.0.0", v1);
  await site.promote("1.0.0");
  for (const [key, words] of [["!!", /no base64/], ["AAAA", /3 bytes/]]) {
    await assert.rejects(visit(site, newDevice(), { publicKeys: [key] }), fails("argument", words));
  }
});
