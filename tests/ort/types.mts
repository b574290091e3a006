// SPDX-License-Identifier: Apache-2.0
// Compiled by types.test.mjs against the published types of onnxruntime-common, never run: what real
// code does with onnxruntime-web's types, with mite/ort in its place.
import type * as OrtCommon from "onnxruntime-common";
import * as ort from "mite/ort";
import whole, { InferenceSession, Tensor, env } from "mite/ort";

// Everything that is here stands where onnxruntime's own is expected.
const library: Pick<typeof OrtCommon, "InferenceSession" | "Tensor" | "env"> = ort;
const byDefault: Pick<typeof OrtCommon, "InferenceSession" | "Tensor" | "env"> = whole;
const factory: OrtCommon.InferenceSessionFactory = InferenceSession;
const tensors: OrtCommon.TensorConstructor = Tensor;
const settings: OrtCommon.Env = env;

// A session, made in every way, with options of onnxruntime's type.
const options: OrtCommon.InferenceSession.SessionOptions = {
  executionProviders: ["wasm", { name: "webgpu", preferredLayout: "NHWC" }],
  graphOptimizationLevel: "all",
  executionMode: "sequential",
  freeDimensionOverrides: { batch: 1 },
  externalData: [{ path: "weights.bin", data: new Uint8Array(4) }, "more.bin"],
  preferredOutputLocation: { logits: "cpu" },
  logSeverityLevel: 2,
  extra: { session: {} },
};
const session: OrtCommon.InferenceSession = await ort.InferenceSession.create("model.onnx", options);
const made: OrtCommon.InferenceSession[] = [
  await InferenceSession.create(new Uint8Array(8), { executionProviders: ["cpu"] }),
  await InferenceSession.create(new ArrayBuffer(8)),
  await InferenceSession.create(new ArrayBuffer(8), 0, 4, options),
];

// Tensors of every type, of both packages' words.
const x: OrtCommon.TypedTensor<"float32"> = new ort.Tensor("float32", [1, 2, 3], [1, 3]);
const ids: OrtCommon.TypedTensor<"int64"> = new Tensor("int64", [1n, 2n], [2]);
const mask: OrtCommon.TypedTensor<"bool"> = new Tensor("bool", [true, false]);
const halves: OrtCommon.TypedTensor<"float16"> = new Tensor("float16", new Uint16Array(2));
const bytes: OrtCommon.Tensor = new Tensor(new Uint8ClampedArray(4), [2, 2]);
const same: OrtCommon.Tensor = x.reshape([3]);
const typed: ort.TypedTensor<"float32"> = new Tensor(new Float32Array(2));
const elements: Float32Array = typed.data;
const later: Float32Array = await typed.getData();

// Runs: feeds and fetches of onnxruntime's types go in, its result types come out.
const feeds: OrtCommon.InferenceSession.FeedsType = { x, ids, mask, halves, bytes, same };
const mine: ort.InferenceSession = await InferenceSession.create("model.onnx");
const results: OrtCommon.InferenceSession.ReturnType = await mine.run(feeds);
const logits: OrtCommon.Tensor = (await session.run(feeds, ["logits"])).logits;
const { data, dims, type, size, location } = (await mine.run(feeds, { logits: null }, { tag: "" })).logits;
const numbers = data as Float32Array;
for (const { name } of [...mine.inputMetadata, ...mine.outputMetadata]) void name;
const metadata: readonly OrtCommon.InferenceSession.ValueMetadata[] = mine.inputMetadata;
const shape: ReadonlyArray<number | string> = mine.inputMetadata[0].shape;
mine.startProfiling();
mine.endProfiling();
await mine.release();

// Pictures.
const picture: OrtCommon.Tensor = await Tensor.fromImage(new ImageData(2, 2), {
  resizedWidth: 4,
  resizedHeight: 4,
  tensorFormat: "BGR",
  tensorLayout: "NCHW",
  norm: { mean: [255, 255, 255], bias: 0 },
} satisfies OrtCommon.TensorFromImageDataOptions);
const address: string = picture.toDataURL();
const image: ImageData = picture.toImageData({ format: "BGR" } satisfies OrtCommon.TensorToImageDataOptions);

// Settings as applications set them.
env.wasm.numThreads = 1;
env.wasm.simd = true;
env.wasm.proxy = true;
env.wasm.wasmPaths = "/static/";
env.wasm.wasmPaths = { wasm: new URL("https://example.org/x.wasm") };
env.logLevel = "error";

// What mite adds.
const stop = new AbortController();
await mine.run(feeds, { signal: stop.signal });
await InferenceSession.create(new URL("https://example.org/model.mite"), { mite: { threads: 2 } });

// @ts-expect-error no number is a model
await InferenceSession.create(7);
// @ts-expect-error there is no such type
new Tensor("float31", [1]);
// @ts-expect-error nor such a level
env.logLevel = "loud";

export { address, byDefault, dims, elements, factory, image, later, library, location, logits, made };
export { metadata, numbers, results, settings, shape, size, tensors, type };
