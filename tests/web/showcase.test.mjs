// SPDX-License-Identifier: Apache-2.0
// What the demo page shows beside answers: the camera, why, who, layers, the peer, the device, flight mode.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { noShared, objects, root } from "../js/support.mjs";
import { engines, launch, missing, until } from "./browsers.mjs";
import { startServer } from "./server.mjs";

const noPeer = existsSync(join(root, "bench/node_modules/onnxruntime-web/dist"))
  ? false
  : "onnxruntime-web is not installed (bench/node_modules)";
const samples = ["cat", "coffee", "cameraman", "seeding", "astronaut"];

// --- What a visitor does and sees, as scripts in the page -----------------------------------------

const press = (selector) => document.querySelector(selector).click();
const text = (id) => document.getElementById(id).textContent;
const shown = (id) => !document.getElementById(id).hidden;
const matches = (id, pattern) => {
  const said = document.getElementById(id).textContent;
  return new RegExp(pattern).test(said) && said;
};
const watch = () => {
  globalThis.violations = [];
  document.addEventListener("securitypolicyviolation", (event) =>
    globalThis.violations.push(`${event.violatedDirective} ${event.blockedURI}`),
  );
};
const drop = async (...files) => {
  const data = new DataTransfer();
  for (const [name, from] of files) {
    data.items.add(new File([globalThis.held?.[from] ?? (await (await fetch(from)).arrayBuffer())], name));
  }
  const event = new DragEvent("drop", { bubbles: true, cancelable: true });
  Object.defineProperty(event, "dataTransfer", { value: data });
  document.dispatchEvent(event);
};
/** Counts how many frames are in the works at a time, and makes each take a while. */
const slowFrames = () => {
  const make = createImageBitmap;
  Object.assign(globalThis, { made: 0, together: 0, most: 0 });
  globalThis.createImageBitmap = async (...given) => {
    const { made, together } = globalThis;
    Object.assign(globalThis, { made: made + 1, together: together + 1 });
    globalThis.most = Math.max(globalThis.most, globalThis.together);
    await new Promise((resolve) => setTimeout(resolve, 150));
    globalThis.together--;
    return make(...given);
  };
  globalThis.asBefore = () => (globalThis.createImageBitmap = make);
};
const camera = () => {
  const video = document.getElementById("video");
  if (video.srcObject) globalThis.tracks = video.srcObject.getTracks();
  return { live: globalThis.tracks?.map(({ readyState }) => readyState), hidden: video.hidden };
};
const inferences = () => Number(document.getElementById("inferences").textContent.split(" ")[0]);
/** The hottest place of the overlay, in parts of the picture. */
const hottest = () => {
  const { width, height } = document.getElementById("overlay");
  const { data } = document.getElementById("overlay").getContext("2d").getImageData(0, 0, width, height);
  let best = 0;
  for (let i = 4; i < data.length; i += 4) {
    if (data[i + 3] && data[i] + data[i + 1] > data[best] + data[best + 1]) best = i;
  }
  return { x: ((best / 4) % width) / width, y: Math.floor(best / 4 / width) / height };
};
const sizeOf = async (name) => {
  const { width, height } = await createImageBitmap(await (await fetch(`/samples/${name}`)).blob());
  return { width, height };
};
/** Colours of the overlay and of the picture below it, at a place given in parts of them. */
const colours = (x, y) =>
  ["overlay", "preview"].map((id) => {
    const canvas = document.getElementById(id);
    const at = [Math.floor(x * canvas.width), Math.floor(y * canvas.height)];
    return [...canvas.getContext("2d").getImageData(...at, 1, 1).data];
  });
const chosen = async (key) => {
  const layers = document.getElementById("layers");
  layers.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  return ["aria-valuenow", "aria-valuemax", "aria-valuetext"].map((name) => layers.getAttribute(name));
};

for (const engine of engines) {
  describe(`showcase in ${engine}`, { skip: missing(engine), timeout: 240_000 }, () => {
    /** @type {import("./browsers.mjs").Page} */
    let page;
    /** @type {Awaited<ReturnType<typeof startServer>>} */
    let server;
    const sample = (name) => page.run(press, `#samples li:nth-child(${samples.indexOf(name) + 1}) button`);
    const opened = async () => {
      await page.open(`${server.url}/`);
      await page.run(watch);
      await until(page, () => document.querySelectorAll("#samples button").length === 5);
    };
    before(async () => {
      if (!noShared) spawnSync(process.execPath, [join(root, "tools/demo-models.mjs")]);
      server = await startServer();
      page = await launch(engine);
      await page.resize(1100, 1000);
      await opened();
    });
    after(async () => {
      await page?.close();
      await server?.close();
    });

    test("a download that the camera began can be cancelled: the camera stops, and nothing begins anew", async (t) => {
      await until(page, () => ["line", "absent"].some((id) => !document.getElementById(`camera-${id}`).hidden));
      if (await page.run(shown, "camera-absent")) return t.skip("no camera");
      server.state.slow = true;
      await page.run(press, "#camera");
      await until(page, shown, ["loading"]);
      await page.run(press, "#cancel");
      await until(page, matches, ["camera-problem", "^The download was cancelled\\.$"]);
      server.state.slow = false;
      assert.deepEqual((await page.run(camera)).hidden, true);
      assert.equal(await page.run(shown, "loading"), false);
    });

    test("the camera: one frame at a time, and let go when stopped", async (t) => {
      await until(page, () => ["line", "absent"].some((id) => !document.getElementById(`camera-${id}`).hidden));
      assert.notEqual(await page.run(shown, "camera-line"), await page.run(shown, "camera-absent"));
      if (engine === "webkit" && (await page.run(shown, "camera-absent"))) return t.skip("no camera, and it says so");
      await page.run(press, "#camera");
      await until(page, matches, ["fps", "^[1-9]\\d* frames a second"], 40);
      assert.deepEqual(await page.run(camera), { live: ["live"], hidden: false });
      await page.run(slowFrames);
      await until(page, () => globalThis.made >= 3); // what was quick before has been counted
      const [from, begun] = [await page.run(inferences), Date.now()];
      await until(page, (least) => globalThis.made >= least, [9]);
      const seconds = (Date.now() - begun) / 1000;
      const ran = (await page.run(inferences)) - from;
      assert.equal(await page.run(() => globalThis.most), 1, "frames in the works together");
      assert.ok(ran <= 3 + seconds / 0.15, `${ran} frames in ${seconds} s: some were kept waiting`);
      await page.run(() => globalThis.asBefore());
      await page.run(press, "#camera");
      const { live, hidden } = await page.run(camera);
      assert.deepEqual([live, hidden], [["ended"], true]);
      await until(page, shown, ["why-line"]); // its last frame is a photo now
    });

    test("the camera is let go when the page is hidden", async (t) => {
      if (!(await page.run(shown, "camera-line"))) return t.skip("this engine gives pages no camera");
      await page.run(press, "#camera");
      await until(page, matches, ["fps", "frames"]);
      await page.run(() => {
        Object.defineProperty(document, "hidden", { value: true, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
        delete document.hidden;
      });
      assert.deepEqual((await page.run(camera)).live, ["ended"]);
      assert.equal(await page.run(text, "camera"), "Start the camera");
    });

    for (const [photo, [left, top, right, bottom]] of Object.entries(objects)) {
      test(`why: the overlay is hottest inside the object of ${photo}`, async () => {
        await page.run(() => document.querySelector("#why[aria-pressed=true]")?.click());
        await page.run(() => (document.getElementById("verdict").textContent = ""));
        await sample(photo.replace(".jpg", ""));
        await until(page, matches, ["verdict", "^(?!Looking).+"]);
        await until(page, shown, ["why-line"]);
        await page.run(press, "#why");
        assert.match(await until(page, matches, ["why-sentence", "runs?\\)$"]), /: .*(mostly|spread|most in) /);
        const { width, height } = await page.run(sizeOf, photo);
        const { x, y } = await page.run(hottest);
        assert.ok(x * width > left && x * width < right, `peak at ${x * width} of ${left} to ${right}`);
        assert.ok(y * height > top && y * height < bottom, `peak at ${y * height} of ${top} to ${bottom}`);
      });
    }

    test("why: can be stopped, and goes with the next photo", async () => {
      await page.run(press, "#why");
      assert.equal(await page.run(shown, "overlay"), false);
      await page.run(press, "#why");
      await sample("coffee");
      await until(page, matches, ["why-sentence", "^espresso: "]);
    });

    test("layer by layer: a bar for the keyboard, and a table", async () => {
      await page.run(press, "#profile-tab");
      await until(page, shown, ["profile-shown"]);
      const [first, last, said] = await page.run(chosen, "Home");
      assert.equal(first, "0");
      assert.match(said, /^.+: .+, \d+\.\d{3} ms, \d+\.\d %$/);
      assert.equal((await page.run(chosen, "ArrowRight"))[0], "1");
      assert.equal((await page.run(chosen, "End"))[0], last);
      const rows = await page.run(() => document.querySelectorAll("#profile-rows tr").length);
      assert.ok(rows > 40 && rows === Number(last) + 1, `${rows} rows for ${last}`);
    });

    test("who: the background is another one, the person is not", async () => {
      await page.run(press, "[data-task=people]");
      await sample("astronaut");
      await until(page, matches, ["people-verdict", "^A person, on [4-6]\\d %"]);
      await page.run(() => {
        const effect = document.getElementById("effect");
        effect.value = "tint";
        effect.dispatchEvent(new Event("change"));
      });
      const [face, photo] = await page.run(colours, 0.45, 0.25);
      assert.ok(face.every((value, i) => Math.abs(value - photo[i]) < 16), `${face} for ${photo}`);
      const [corner] = await page.run(colours, 0.97, 0.1);
      assert.ok(corner[2] > corner[0] + 50, `${corner} is not blue`);
    });

    test("sentences", { skip: noShared || (engine !== "chromium" && "in Chromium alone") }, async () => {
      await page.run(press, "[data-task=sentences]");
      await until(page, matches, ["sentences-verdict", "Nearest: A puppy"]);
      await page.run(() => {
        const query = document.getElementById("query");
        query.value = "The firm earned less money.";
        query.dispatchEvent(new Event("input"));
      });
      await until(page, matches, ["sentences-verdict", "Nearest: (Our company|Quarterly)"]);
      await page.run(press, "[data-task=classify]");
      const files = [["mine.mite", "/more/minilm-l6/minilm-l6.mite"], ["tokenizer.json", "/more/minilm-l6/tokenizer.json"]];
      await page.run(drop, ...files);
      await until(page, matches, ["own-state", "^Ready: mine.mite"]);
      assert.equal(await page.run(shown, "sentences"), true);
    });

    test("an .onnx dropped: an exact class map; a .tflite: by covering", async () => {
      await page.run(press, "[data-task=classify]");
      await sample("cat");
      await page.run(drop, ["digits.onnx", "/tests/models/digits_cnn.onnx"]);
      await until(page, matches, ["own-verdict", "largest outputs"]);
      await until(page, matches, ["why-sentence", "an exact class map, one run\\)$"]); // Why is still on
      await page.run(drop, ["digits.tflite", "/tests/models/digits_cnn_int8.tflite"]);
      await until(page, matches, ["own-state", "^Ready: digits.tflite"]);
      await until(page, matches, ["why-sentence", "runs?\\)$"]);
    });

    const slow = engine === "webkit" && "compiling the peer takes it 20 s";
    test("beside onnxruntime-web: both times, sizes, and the same answer", { skip: noPeer || slow }, async () => {
      await page.run(drop, ["digits.onnx", "/tests/models/digits_cnn.onnx"]);
      await until(page, matches, ["own-state", "^Ready: digits.onnx"]);
      await until(page, matches, ["own-verdict", "largest outputs"]);
      await page.run(press, "#compare-tab");
      assert.match(await page.run(text, "compare-what"), /^digits\.onnx/);
      await page.run(press, "#compare-run");
      await until(page, () => ["compare-shown", "compare-problem"].some((id) => !document.getElementById(id).hidden));
      assert.equal(await page.run(text, "compare-problem"), "");
      assert.match(await page.run(text, "compare-verdict"), /^(mite|onnxruntime-web) is \d+\.\d times as fast here/);
      assert.match(await page.run(text, "compare-agree"), /^The answers agree/);
      assert.match(await page.run(text, "compare-rows"), /Download.*kB\d+\.\d+ MB/);
    });

    test("flight mode after one visit: nothing is asked of the network", async (t) => {
      await page.run(press, "#own-leave");
      await sample("coffee");
      await until(page, matches, ["verdict", "^espresso"]);
      const kept = await page.run(() => Boolean(navigator.serviceWorker && globalThis.caches)) &&
        await page.run(async () => (await (await import("/mite/dist/index.js")).models.list()).length > 0);
      if (kept) await until(page, () => document.documentElement.dataset.kept);
      await page.run(async () => {
        globalThis.held = { photo: await (await fetch("/samples/astronaut.jpg")).arrayBuffer() };
      });
      assert.deepEqual(await page.run(() => globalThis.violations), []);
      await server.close();
      if (kept) await opened();
      else t.diagnostic("this engine keeps nothing under automation: the page stays open instead");
      if (kept) await sample("coffee");
      else await page.run(drop, ["astronaut.jpg", "photo"]);
      await until(page, matches, ["verdict", kept ? "^espresso" : "suit|astronaut|space"]);
      await until(page, matches, ["sent", "^0 requests in [1-9]\\d* inferences?$"], 5);
      assert.equal(await page.run(text, "requests"), "0");
      assert.deepEqual(await page.run(() => globalThis.violations), []);
    });

    test("what is kept is shown, and deleted", async () => {
      await page.run(press, "#device-tab");
      await until(page, matches, ["usage", "^Models: "]);
      const before = await page.run(() => document.querySelectorAll("#kept li").length);
      if (!before) return assert.equal(await page.run(() => document.getElementById("forget").disabled), true);
      assert.match(await page.run(text, "forget"), /\(\d+\.\d+ [kM]B\)$/);
      await page.run(press, "#forget");
      await until(page, matches, ["forgotten", `^Deleted: ${before} models?, \\d`]);
      assert.equal(await page.run(() => document.querySelectorAll("#kept li").length), 0);
    });
  });
}
