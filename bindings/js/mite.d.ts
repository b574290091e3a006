// SPDX-License-Identifier: Apache-2.0
// The public interface of the package `mite`, kept by hand; it is the reference documentation.
//
//   import { load } from "mite";
//   await using model = await load("efficientnet-lite0.int8.mite");
//   const { top } = await model.classify(photo);       // a File, an <img>, bytes, …
//   const { data } = await model.run(numbers);         // or any tensor in, any tensor out
//
// The same code runs in a window, in a module worker and in Node 20 or newer.
/// <reference lib="esnext.disposable" />
import type { Metrics } from "./metrics.d.ts";

/** An instance type of the page's world, or `never` where it has no such thing (Node). */
type Global<Name extends string> =
  typeof globalThis extends Record<Name, { prototype: infer T }> ? T : never;
type Movable = ArrayBuffer | Global<"ImageBitmap"> | Global<"VideoFrame">;
type CompiledModule = typeof globalThis extends {
  WebAssembly: { Module: { prototype: infer T } };
}
  ? T
  : never;

// --- Loading ---------------------------------------------------------------------------------

/**
 * The bytes of a `.mite` file, however they come. A string or URL is fetched; in Node a string
 * that is not an `http:`, `https:`, `data:` or `file:` address is a path.
 */
export type Source =
  | string
  | URL
  | Request
  | Response
  | ReadableStream<Uint8Array>
  | Blob
  | ArrayBuffer
  | ArrayBufferView;

/**
 * Where a load is. It goes through them in this order, and from any of them to `error`; where what
 * was kept turns out damaged, or a file changes on the server while it comes, back to `downloading`.
 * - `idle`: it waits for the server, or for another page that downloads the same model;
 * - `downloading`: bytes arrive, and every chunk of them is verified as it does;
 * - `verifying`: all have arrived, the last of them are being verified, and the whole by `sha256`;
 * - `compiling`: memory is planned and kernels are chosen;
 * - `ready`, `error`: `load` resolves, or rejects.
 */
export type LoadState = "idle" | "downloading" | "verifying" | "compiling" | "ready" | "error";

export interface Progress {
  state: LoadState;
  /** Bytes of the file that have arrived. */
  loaded: number;
  /** Bytes of the whole file; absent until its header is there. */
  total?: number;
  /**
   * Where they come from just now: a download that goes on where an earlier one broke off is read
   * from the cache first. Absent for bytes that were given.
   */
  from?: "network" | "cache";
}

export interface LoadOptions {
  /** Ends the download and the set-up at any time; the promise rejects with `signal.reason`. */
  signal?: AbortSignal;
  /** Called with every change of state and as bytes arrive, then at most once a frame. */
  onProgress?: (progress: Progress) => void;
  /**
   * Run in a worker of its own, so that the calling thread stays free. Default: true where the
   * engine has `Worker`, false in Node. If the worker cannot start, the model runs on the calling
   * thread and {@link Runtime.note} says why.
   */
  worker?: boolean;
  /**
   * How many threads to use at most. Default: one less than the processor has, 1 to 4, where memory
   * can be shared (in Node, and in pages that are cross-origin isolated), otherwise 1. What cannot
   * be started is done without, see {@link Runtime.threads}. The result is the same, to the bit,
   * for any number.
   */
  threads?: number;
  /**
   * SHA-256 of the whole file in hexadecimal; another file is refused before anything runs. A model
   * that is kept is then used without asking the server.
   */
  sha256?: string;
  /**
   * Where a page keeps a model that it downloads by address, for the next visit and for times
   * without a network: `opfs`, the origin's private file system; `cache-api`; `auto`, the default,
   * the first of these that there is, or nowhere (private windows, insecure origins, Node), in
   * which case the model is loaded all the same. With the others, a model that cannot be kept is
   * refused, with the code `unsupported` or `quota`. false: nowhere. See {@link models}.
   *
   * Two pages that load the same model download it once. A kept model is used without a question
   * where `sha256` is given or for as long as the server said (`Cache-Control: max-age`); otherwise
   * the server is asked, and what is kept is used if nothing has changed or the network fails.
   */
  cache?: "auto" | "opfs" | "cache-api" | false;
  /**
   * How often in a row, without a byte in between, a download by address that fails for a passing
   * reason (the network; 408, 425, 429, 500, 502, 503, 504) is taken up again, where it broke off
   * if the server can. The pauses grow from half a second; `Retry-After` is respected. Default: 3.
   */
  retry?: number;
  /**
   * Whether to watch the model from its first run on, as `mite/metrics` does. Without it inputs are looked at
   * only once {@link Model.metrics} has been called; see there. Default: false.
   */
  metrics?: boolean;
  /**
   * Where mite's `.wasm` files lie: a folder's URL (in Node also a path), or the URL of the core's
   * file, beside which others are sought; or a compiled module (what is in mite-simd.wasm.gz or
   * mite-relaxed.wasm), or each part by itself. Default: beside this package's code, where bundlers
   * find them too; so does a part that is not given.
   */
  wasm?: string | URL | CompiledModule | WasmParts;
}

/** mite's WebAssembly part by part, each an address of its file or a compiled module. */
export interface WasmParts {
  /** mite-simd.wasm.gz, or mite-relaxed.wasm where {@link features} says `relaxedSimd`. */
  core?: string | URL | CompiledModule;
  /** mite-more.wasm.gz, which models with less usual operators need. */
  more?: string | URL | CompiledModule;
  /** mite-convert.wasm.gz, which mite/convert needs (with mite-simd.wasm.gz as the core, and mite-more.wasm.gz). */
  convert?: string | URL | CompiledModule;
}

/** Fetches, verifies and prepares a model. The first call also fetches and compiles mite itself. */
export function load(source: Source, options?: LoadOptions): Promise<Model>;

// --- Before and after loading ----------------------------------------------------------------

export type EstimateSource = string | URL | Blob | ArrayBuffer | ArrayBufferView;

export interface EstimateOptions {
  signal?: AbortSignal;
  /** As many as it is going to run on. Default: 1. */
  threads?: number;
}

/** What a model will take. */
export interface Estimate {
  /** {@link Model.id} */
  readonly id: string;
  readonly fileBytes: number;
  /** Of these, how many are still to be fetched: none of a model that is kept, or was given. */
  readonly downloadBytes: number;
  /**
   * WebAssembly memory at its peak, {@link Runtime.bytes}: to within a few percent, as far as it does
   * not depend on the sizes of a run.
   */
  readonly memoryBytes: number;
  /** Of these, what activations, scratch, and weights in another form take on one thread. */
  readonly arenaBytes: number;
  /** Inputs leave sizes open: the numbers are those for sizes of 1, and larger ones take more. */
  readonly open: boolean;
  /** {@link Runtime.whole} */
  readonly whole: boolean;
}

/**
 * Tells what a `.mite` file will take, from its header and graph alone: of an address, some 64 kB are
 * fetched (by a Range request; a server that knows none is stopped).
 */
export function estimate(source: EstimateSource, options?: EstimateOptions): Promise<Estimate>;

/** A model that is kept on this device. */
export interface KeptModel {
  /** Of one that `mite/ort` converted: that of its source, or of bytes `sha256:` and their hash. */
  readonly address: string;
  /** {@link Model.id} */
  readonly id: string;
  readonly bytes: number;
  readonly keptAt: Date;
  readonly store: "opfs" | "cache-api";
}

/** The models that this origin keeps on this device; none in Node. */
export const models: {
  list(): Promise<readonly KeptModel[]>;
  /**
   * Deletes what is kept of one address, or all: also what an interrupted download left, and what
   * `mite/ort` converted. Resolves to the number of models.
   */
  delete(address?: string | URL): Promise<number>;
  /**
   * Bytes that the kept models take; all that the origin uses and may use (estimates); and whether
   * the browser promised to keep it when it runs out of space.
   */
  storage(): Promise<{
    readonly bytes: number;
    readonly usage: number;
    readonly quota: number;
    readonly persistent: boolean;
  }>;
  /** Asks for that promise. Some browsers ask the user, so this is for the page to do in good time. */
  persist(): Promise<boolean>;
};

// --- Tensors ---------------------------------------------------------------------------------

export type DType =
  "f32" | "f16" | "f64" | "u8" | "i8" | "u16" | "i16" | "u32" | "i32" | "u64" | "i64" | "bool";

/** f16 travels as its 16 bits (Uint16Array), bool as bytes 0 and 1 (Uint8Array). */
export type Data =
  | Float32Array
  | Float64Array
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array;

/** A plain value: yours, garbage-collected, nothing to free. */
export interface Tensor {
  data: Data;
  /** Outermost dimension first. */
  shape: readonly number[];
  dtype: DType;
}

/**
 * What a port takes: its typed array, or plain numbers, which must be representable in its type;
 * with or without a shape, which must then be the port's; where the port leaves more than one
 * dimension open, the shape must be given. Nothing is kept and nothing is detached that
 * {@link RunOptions.transfer} does not list: it may be changed as soon as the call has returned.
 */
export type TensorInput =
  | Data
  | readonly number[]
  | { readonly data: Data | readonly number[]; readonly shape: readonly number[] };

/** An input or output of a model. */
export interface Port {
  readonly name: string;
  readonly dtype: DType;
  /** Outermost dimension first; -1 is open: it may differ from run to run. */
  readonly shape: readonly number[];
  /** Quantized ports: a stored q stands for `scale * (q - zeroPoint)`. */
  readonly quantization?: { readonly scale: number; readonly zeroPoint: number };
}

// --- Models ----------------------------------------------------------------------------------

export interface RunOptions {
  /**
   * Stops between two nodes of the graph; the promise rejects with `signal.reason` and the model
   * stays usable. Without a signal a run is not cut into slices.
   */
  signal?: AbortSignal;
  /**
   * As in `postMessage`: buffers (or, of `classify`, pictures) that mite takes over instead of
   * copying them. They are detached when the call returns. Default: none.
   */
  transfer?: readonly Movable[];
  /**
   * Only these outputs, by name; what only others need is not computed. Default: all but a class map
   * (`metadata.explain`).
   */
  outputs?: readonly string[];
}

/** What was chosen for this model: the first thing a bug report needs. */
export interface Runtime {
  readonly build: "simd" | "relaxed";
  /** The fastest kernels in use. */
  readonly isa: "plain" | "simd128" | "relaxed";
  /** Whether mite-more.wasm.gz was fetched, with operators that few models have. */
  readonly whole: boolean;
  /** Threads that there are, the one that the model runs on included. */
  readonly threads: number;
  /**
   * WebAssembly memory of this model: weights, activations, code's data. It never shrinks, so this
   * is the peak so far; it grows after loading only where the sizes of a run decide. `estimate`
   * tells it before anything is downloaded.
   */
  readonly bytes: number;
  /** Of these, what activations and scratch take. */
  readonly arenaBytes: number;
  /** Whether the model runs in a worker. */
  readonly worker: boolean;
  /** Why something wished for was not done, in a sentence. */
  readonly note?: string;
}

/** One node of the graph, in running order. */
export interface NodeProfile {
  readonly name: string;
  readonly op: string;
  readonly kernel: string;
  /** Time in the last run. */
  readonly ms: number;
  /** Multiply-adds of one run. */
  readonly macs: number;
}

/**
 * A loaded model. Calls may overlap: they queue. Each model has a WebAssembly memory of its own,
 * which `dispose` gives back whole; nothing else needs freeing.
 */
export interface Model extends AsyncDisposable, Disposable {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly metadata: Readonly<Metadata>;
  readonly runtime: Runtime;
  /** SHA-256 of the file's header, which vouches for every other byte: the model's name. */
  readonly id: string;

  /** A model with one input and one output. */
  run(input: TensorInput, options?: RunOptions): Promise<Tensor>;
  /** Any model: by name, both ways. */
  run(
    inputs: Readonly<Record<string, TensorInput>>,
    options?: RunOptions,
  ): Promise<Record<string, Tensor>>;

  /**
   * Decodes and prepares a picture as `metadata.preprocess` (or the option) says, and runs it: for models
   * with one input. `mite/image` makes boxes and masks of what comes out.
   */
  runImage(image: ImageInput, options?: ImageOptions): Promise<ImageRun>;

  /**
   * `runImage`, and keeps the prepared picture with the model, to run it again with parts covered: what
   * `mite/explain` is built on. A model keeps the last four; release what is not needed.
   */
  holdImage(image: ImageInput, options?: ImageOptions): Promise<HeldImage>;

  /** `runImage`, and the classes ranked as `metadata.postprocess` says. */
  classify(image: ImageInput, options?: ClassifyOptions): Promise<Classification>;

  /** Times of the last run, node by node. */
  profile(): Promise<readonly NodeProfile[]>;

  /** Runs the test that the file carries (`metadata.selfTest`). */
  selfTest(options?: RunOptions): Promise<SelfTestResult>;

  /**
   * What loading and runs took, failures, self-tests, how sure the model is, and whether its inputs have drifted:
   * see `mite/metrics`, which is fetched by the first call. Runs before it count, too (the last 1000 events);
   * only inputs are looked at, and answers of `run` and `runImage` counted, from the first call on, or from the
   * first run with {@link LoadOptions.metrics}. Nothing is sent anywhere.
   */
  metrics(): Promise<Metrics>;

  /** Ends the worker and drops the memory; calls under way reject. Safe to call twice. */
  dispose(): Promise<void>;
}

// --- Pictures --------------------------------------------------------------------------------

/** Uncompressed pixels, 4 bytes (RGBA) or 3 bytes (RGB) each, row by row. */
export interface Pixels {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/**
 * A picture. A string or URL is fetched; in Node a string may be a path. Encoded JPEG, PNG, GIF
 * and BMP are decoded by mite itself, so that every engine gives the same answer; other formats
 * (WebP, AVIF, …) by the browser where there is one.
 */
export type ImageInput =
  | string
  | URL
  | Blob
  | ArrayBuffer
  | Uint8Array
  | Pixels
  | Global<"ImageData">
  | Global<"ImageBitmap">
  | Global<"HTMLImageElement">
  | Global<"HTMLCanvasElement">
  | Global<"HTMLVideoElement">
  | Global<"OffscreenCanvas">
  | Global<"VideoFrame">;

export interface ImageOptions extends RunOptions {
  /** In place of `metadata.preprocess`. */
  preprocess?: Preprocess;
}

/** A rectangle in pixels of a picture. */
export interface Region {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A decoded picture, upright. */
export interface SeenPicture {
  readonly width: number;
  readonly height: number;
  /** What of it the model's input shows; with `contain` it reaches beyond the picture. */
  readonly region: Region;
}

export interface ImageRun {
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly picture: SeenPicture;
  readonly ms: Classification["ms"];
}

export interface HeldImage extends ImageRun {
  run(mask?: Mask, options?: RunOptions): Promise<Pick<ImageRun, "outputs" | "ms">>;
  release(): void;
}

/** How much of each part of the model's input stays; the rest becomes the picture's mean color. */
export interface Mask {
  /** Cells across and down. */
  readonly width: number;
  readonly height: number;
  /** 0 (covered) to 1 for each cell, row by row. */
  readonly values: Float32Array;
  /** Between cells' centres values are interpolated. Default true. */
  readonly smooth?: boolean;
  /** So many cells span the picture, from `shiftX`, `shiftY` cells on. Default: all, from 0. */
  readonly seen?: number;
  readonly shiftX?: number;
  readonly shiftY?: number;
}

export interface ClassifyOptions extends RunOptions {
  /** How many classes to give. Default 5. */
  topK?: number;
}

export interface Prediction {
  readonly index: number;
  /** From `metadata.labels`, or "class 282" where the model has none. */
  readonly label: string;
  readonly probability: number;
}

export interface Classification {
  /** Most probable first. */
  readonly top: readonly Prediction[];
  /** Milliseconds: file to pixels, pixels to tensor, tensor to answer. */
  readonly ms: { readonly decode: number; readonly preprocess: number; readonly run: number };
}

// --- Metadata --------------------------------------------------------------------------------

/** What the converter wrote about the model. docs/metadata.md tells more. */
export interface Metadata {
  name?: string;
  version?: string;
  /** SPDX identifier of the weights' licence. */
  license?: string;
  description?: string;
  /** `labels[i]` names class i. */
  labels?: readonly string[];
  preprocess?: Preprocess;
  postprocess?: Postprocess;
  /** Where the model comes from: source file and hash, converter, quantization and its error. */
  provenance?: Readonly<Record<string, unknown>>;
  selfTest?: SelfTest;
  /** What the examples of its calibration looked like, to tell drift by; the converter writes it. */
  statistics?: Statistics;
  /** What `mite/explain` uses; the converter writes it. */
  explain?: { readonly classMap?: string };
  [key: string]: unknown;
}

/** How a picture becomes the input tensor: x = (v - mean) * scale, with v in 0…255. */
export interface Preprocess {
  /** Name of the input; may be left out where there is only one. */
  input?: string;
  /** Default: as the input's shape says. */
  width?: number;
  height?: number;
  /**
   * `center-crop` (default): crops `cropFraction` of the largest centred rectangle, then resizes.
   * `resize-crop`: resizes the shorter side to `resizeTo`, then crops the centre.
   * `stretch`: resizes the whole picture, whatever its shape.
   * `contain`: resizes the whole picture so that it just fits, and fills the rest with `pad`.
   */
  fit?: "center-crop" | "resize-crop" | "stretch" | "contain";
  /** Default 1. */
  cropFraction?: number;
  resizeTo?: number;
  /** Both antialiased, equal to Pillow's. Default `bicubic`. */
  filter?: "bicubic" | "bilinear";
  /** For red, green and blue, whatever `order` says. Default 0 and 1. */
  mean?: readonly [number, number, number];
  scale?: readonly [number, number, number];
  /** Default: `nchw` where the input's second dimension is 3, otherwise `nhwc`. */
  layout?: "nchw" | "nhwc";
  /** Order of the channels in the tensor. Default `rgb`, or `gray` where the input has one channel. */
  order?: "rgb" | "bgr" | "gray";
  /** Color of what `contain` adds. Default `#000000`. */
  pad?: string;
  /** What shines through transparent pixels. Default `#ffffff`. */
  background?: string;
}

export type Postprocess = ClassesPostprocess | DetectionPostprocess | SegmentationPostprocess;

export interface ClassesPostprocess {
  /** Name of the output with one number a class; may be left out where there is only one. */
  output?: string;
  /** `logits`: probabilities are their softmax. */
  kind: "logits" | "probabilities";
}

/**
 * How boxes lie in the outputs. An output is read as a table of rows, one a box, of numbers; leading
 * dimensions of 1 do not count. What has no `output` of its own lies in that of `boxes`.
 */
export interface DetectionPostprocess {
  kind: "detection";
  boxes: {
    /** May be left out where there is only one. */
    output?: string;
    /** The first of the four numbers in a row. Default 0. */
    from?: number;
    /** Which four numbers. Default `xyxy`: left, top, right, bottom. `c`: the centre. */
    layout?: "xyxy" | "yxyx" | "xywh" | "cxcywh";
    /** Of the model's input: of its pixels (default), or of its width and height. */
    units?: "pixels" | "fraction";
    /**
     * Boxes are offsets from the centres of grid cells (MediaPipe's SSD with fixed anchors): for each
     * stride in pixels, row by row, `count` boxes a cell. Then `units` does not matter: they are pixels.
     */
    anchors?: readonly { stride: number; count: number }[];
  };
  scores: {
    output?: string;
    /** The first number of a row that is a class's score. Default 0, or after the box in its row. */
    from?: number;
    /** How many classes. Default: the rest of the row. */
    count?: number;
    /** What makes probabilities of them. Default `none`. */
    activation?: "none" | "sigmoid" | "softmax";
    /** The class that is no object, and not in `labels`. */
    background?: number;
    /** Where in the row the probability of any object lies, by which the scores are multiplied. */
    objectness?: number;
  };
  /** An output with the number of each box's class, where `scores` has one number a box. */
  classes?: { output: string };
  /** Points of each box: pairs x, y in the box's units, in its row. */
  keypoints?: { output?: string; from: number; count: number; size?: number };
  /** The table is [numbers, boxes], as YOLOv8 gives it. */
  transposed?: boolean;
  /** Default 0.5. */
  scoreThreshold?: number;
  /** Of boxes of one class that overlap by more (intersection over union), the best stays. Default 0.45. */
  iouThreshold?: number;
}

export interface SegmentationPostprocess {
  kind: "segmentation";
  output?: string;
  /** Default: `nchw` where the input is so. */
  layout?: "nhwc" | "nchw";
  /** What makes probabilities of the numbers. Default `none`. `classes`: they are class numbers. */
  activation?: "none" | "sigmoid" | "softmax" | "classes";
}

/** What examples looked like; docs/metadata.md defines the numbers. */
export interface Statistics {
  /** How many examples. */
  readonly examples: number;
  /** By input. */
  readonly inputs?: Readonly<Record<string, InputStatistics>>;
  readonly confidence?: ConfidenceStatistics;
}

export interface InputStatistics {
  /** The dimension whose elements are told apart; -1: none, there is one channel. */
  readonly axis: number;
  readonly channels: readonly ChannelStatistics[];
}

export interface ChannelStatistics {
  readonly mean: number;
  readonly std: number;
  readonly min: number;
  readonly max: number;
  /** Standard deviation of the examples' means. */
  readonly spread: number;
  /** A histogram: inner edges of its bins, rising, and the share of numbers in each, x ≤ edge. */
  readonly edges: readonly number[];
  readonly shares: readonly number[];
  /** Correlation of neighbours. */
  readonly likeness?: number;
  /** c: between n and m of the examples a population stability index of c · (1/n + 1/m) is chance. */
  readonly chance?: number;
}

/** Of the likeliest class's probability. */
export interface ConfidenceStatistics {
  readonly mean: number;
  readonly std: number;
  /** How many examples in each tenth of 0…1. */
  readonly counts: readonly number[];
}

/** A seeded input and the output it must give. */
export interface SelfTest {
  /** Start of the generator, 1 to 2³² - 1; docs/metadata.md defines it. */
  seed: number;
  /** The inputs are spread over low ≤ x < high. Default 0 and 1. */
  low?: number;
  high?: number;
  /**
   * By output: n numbers, of which the i-th is element ⌊i · elements / n⌋ of the output, so that
   * a short list samples a long output.
   */
  expected: Readonly<Record<string, readonly number[]>>;
  /** Largest allowed |difference|. Default 0.001. */
  tolerance?: number;
}

export interface SelfTestResult {
  readonly ok: boolean;
  /** Largest |difference| seen; NaN where an output was not a number. */
  readonly maxDifference: number;
  readonly tolerance: number;
}

// --- Errors ----------------------------------------------------------------------------------

/** docs/errors.md tells what each means and what to do. */
export type ErrorCode =
  | "argument"
  | "memory"
  | "format"
  | "version"
  | "unsupported"
  | "network"
  | "quota"
  | "disposed"
  | "crashed";

/** Every failure but an abort, which rejects with `signal.reason`. */
export class MiteError extends Error {
  constructor(
    code: ErrorCode,
    message: string,
    details?: { node?: { name: string; op: string }; cause?: unknown },
  );
  readonly name: "MiteError";
  readonly code: ErrorCode;
  /** Where in the model, where that is known. */
  readonly node?: { readonly name: string; readonly op: string };
}

// --- The engine ------------------------------------------------------------------------------

/** What this engine can do; nothing is fetched to find out. */
export function features(): {
  readonly simd: boolean;
  readonly relaxedSimd: boolean;
  /** Memory that threads can share: the page is cross-origin isolated, or this is Node. */
  readonly sharedMemory: boolean;
};
