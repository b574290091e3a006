// SPDX-License-Identifier: Apache-2.0
// mite/ort: the interface of onnxruntime-web, kept by hand; docs/ort.md tells what differs.
//
//   import * as ort from "mite/ort";                     // was: from "onnxruntime-web"
//   const session = await ort.InferenceSession.create("model.onnx");
//   const x = new ort.Tensor("float32", numbers, [1, 3, 224, 224]);
//   const { logits } = await session.run({ input: x });
//
// ONNX files are converted as they are opened, in a worker; `.mite` files are opened as they are.
// What is here is assignable to the types of onnxruntime-common 1.30.
import type { Data, LoadOptions, Model, Tensor as MiteTensor } from "./mite.d.ts";

/** An instance type of the page's world, or `never` where it has no such thing (Node). */
type Global<Name extends string> =
  typeof globalThis extends Record<Name, { prototype: infer T }> ? T : never;

// --- Tensors ---------------------------------------------------------------------------------

export type ImageFormat = "RGB" | "RGBA" | "BGR" | "RBG";
export type ImageTensorLayout = "NCHW" | "NHWC";

/** x = (v + bias) / mean, with v in 0…255; one number, or one for red, green, blue (and alpha). */
export interface ImageNorm {
  bias?: number | [number, number, number] | [number, number, number, number];
  mean?: number | [number, number, number] | [number, number, number, number];
}

export interface TensorFromImageOptions {
  /** The picture is resized to this; default: its own size. */
  resizedWidth?: number;
  resizedHeight?: number;
  /** Order of the channels in the tensor. Default `RGB`. */
  tensorFormat?: ImageFormat;
  /** Default `NCHW`. */
  tensorLayout?: ImageTensorLayout;
  /** Default `float32`. */
  dataType?: "float32" | "uint8";
  /** Default: mean 255 (of `uint8`: 1) and bias 0. */
  norm?: ImageNorm;
  /** Sizes that onnxruntime's types name for addresses; a picture knows its own. */
  width?: number;
  height?: number;
}

export interface TensorToImageOptions {
  /** Order of the channels in the tensor. Default: `RGB`, of four channels `RGBA`. */
  format?: ImageFormat;
  /** Default `NCHW`. */
  tensorLayout?: ImageTensorLayout;
  /** v = x · mean - bias. Default: mean 255 and bias 0. */
  norm?: ImageNorm;
}

export declare namespace Tensor {
  interface DataTypeMap {
    float32: Float32Array;
    uint8: Uint8Array;
    int8: Int8Array;
    uint16: Uint16Array;
    int16: Int16Array;
    int32: Int32Array;
    int64: BigInt64Array;
    bool: Uint8Array;
    /** Its 16 bits; in engines that have Float16Array, one of those, as in onnxruntime. */
    float16: Uint16Array;
    float64: Float64Array;
    uint32: Uint32Array;
    uint64: BigUint64Array;
    /** Refused when it is made, in a sentence; here so that onnxruntime's types fit. */
    string: string[];
    /** Refused, as `string` is. */
    uint4: Uint8Array;
    /** Refused, as `string` is. */
    int4: Int8Array;
  }
  type Type = keyof DataTypeMap;
  type DataType = DataTypeMap[Type];
  type DataLocation = "none" | "cpu" | "cpu-pinned" | "texture" | "gpu-buffer" | "ml-tensor";
}

/** Numbers in the page's own memory, garbage-collected; nothing needs to be disposed. */
export interface TypedTensor<T extends Tensor.Type> {
  readonly type: T;
  /** Outermost dimension first. */
  readonly dims: readonly number[];
  /** Number of elements. */
  readonly size: number;
  /** The elements; throws once the tensor is disposed. */
  readonly data: Tensor.DataTypeMap[T];
  /** `cpu` (`cpu-pinned` of `fromPinnedBuffer`), and `none` once it is disposed. */
  readonly location: Tensor.DataLocation;
  getData(releaseData?: boolean): Promise<Tensor.DataTypeMap[T]>;
  /** Lets go of the elements. */
  dispose(): void;
  /** The same elements under other dimensions. */
  reshape(dims: readonly number[]): TypedTensor<T>;
  /** Of a tensor with one picture; pages and workers only. */
  toImageData(options?: TensorToImageOptions): Global<"ImageData">;
  /** As `toImageData`, as the address of a PNG; pages only. */
  toDataURL(options?: TensorToImageOptions): string;
  /** Throws: elements are in memory. */
  readonly texture: never;
  /** Throws: elements are in memory. */
  readonly gpuBuffer: never;
  /** Throws: elements are in memory. */
  readonly mlTensor: never;
}

export interface Tensor extends TypedTensor<Tensor.Type> {}

export interface TensorConstructor {
  new (
    type: "bool",
    data: Tensor.DataTypeMap["bool"] | readonly boolean[],
    dims?: readonly number[],
  ): TypedTensor<"bool">;
  new (type: "uint8", data: Uint8ClampedArray, dims?: readonly number[]): TypedTensor<"uint8">;
  new <T extends "uint64" | "int64">(
    type: T,
    data: Tensor.DataTypeMap[T] | readonly bigint[] | readonly number[],
    dims?: readonly number[],
  ): TypedTensor<T>;
  /** Throws: mite has no tensors of strings. */
  new (
    type: "string",
    data: Tensor.DataTypeMap["string"] | readonly string[],
    dims?: readonly number[],
  ): TypedTensor<"string">;
  new <T extends Exclude<Tensor.Type, "string" | "bool" | "uint64" | "int64">>(
    type: T,
    data: Tensor.DataTypeMap[T] | readonly number[],
    dims?: readonly number[],
  ): TypedTensor<T>;
  new (data: Float32Array, dims?: readonly number[]): TypedTensor<"float32">;
  new (data: Int8Array, dims?: readonly number[]): TypedTensor<"int8">;
  new (data: Uint8Array | Uint8ClampedArray, dims?: readonly number[]): TypedTensor<"uint8">;
  new (data: Uint16Array, dims?: readonly number[]): TypedTensor<"uint16">;
  new (data: Int16Array, dims?: readonly number[]): TypedTensor<"int16">;
  new (data: Int32Array, dims?: readonly number[]): TypedTensor<"int32">;
  new (data: BigInt64Array, dims?: readonly number[]): TypedTensor<"int64">;
  /** Throws: mite has no tensors of strings. */
  new (data: readonly string[], dims?: readonly number[]): TypedTensor<"string">;
  new (data: readonly boolean[], dims?: readonly number[]): TypedTensor<"bool">;
  new (data: Float64Array, dims?: readonly number[]): TypedTensor<"float64">;
  new (data: Uint32Array, dims?: readonly number[]): TypedTensor<"uint32">;
  new (data: BigUint64Array, dims?: readonly number[]): TypedTensor<"uint64">;
  new (
    type: Tensor.Type,
    data:
      | Tensor.DataType
      | readonly number[]
      | readonly string[]
      | readonly bigint[]
      | readonly boolean[],
    dims?: readonly number[],
  ): Tensor;
  new (data: Tensor.DataType, dims?: readonly number[]): Tensor;

  /**
   * A picture as a tensor of [1, channels, height, width] (`NHWC`: [1, height, width, channels]).
   * ImageData of the size that is wanted is read everywhere; everything else is drawn on a canvas,
   * which pages and workers have. An address is fetched.
   */
  fromImage(
    image:
      | string
      | URL
      | { readonly data: Uint8Array | Uint8ClampedArray; readonly width: number; readonly height: number }
      | Global<"ImageData">
      | Global<"ImageBitmap">
      | Global<"HTMLImageElement">
      | Global<"HTMLCanvasElement">
      | Global<"HTMLVideoElement">
      | Global<"OffscreenCanvas">,
    options?: TensorFromImageOptions,
  ): Promise<TypedTensor<"float32"> | TypedTensor<"uint8">>;
  /** A tensor around a typed array of yours, which is not copied. */
  fromPinnedBuffer<T extends Exclude<Tensor.Type, "string">>(
    type: T,
    buffer: Tensor.DataTypeMap[T],
    dims?: readonly number[],
  ): TypedTensor<T>;
  /** Throws: mite computes on the processor. */
  fromTexture(texture: unknown, options?: unknown): never;
  /** Throws: mite computes on the processor. */
  fromGpuBuffer(buffer: unknown, options?: unknown): never;
  /** Throws: mite computes on the processor. */
  fromMLTensor(tensor: unknown, options?: unknown): never;
}

export declare const Tensor: TensorConstructor;

/** What a run takes: a tensor of this module or of another copy of onnxruntime-common. */
export interface TensorLike {
  readonly type: Tensor.Type;
  readonly dims: readonly number[];
  readonly data: unknown;
}

export type OnnxValue = Tensor;

// --- Sessions --------------------------------------------------------------------------------

export declare namespace InferenceSession {
  type OnnxValueMapType = { readonly [name: string]: OnnxValue };
  type FeedsType = { readonly [name: string]: TensorLike };
  type FetchesType = readonly string[] | { readonly [name: string]: TensorLike | null };
  type ReturnType = OnnxValueMapType;

  type ExecutionProviderConfig = string | { readonly name: string };

  /** A file with weights that an ONNX model keeps beside itself, by the name that it has there. */
  type ExternalDataFile =
    string | { path: string; data: string | Blob | Uint8Array | ArrayBufferLike };

  interface SessionOptions {
    /** mite computes in WebAssembly, whatever is asked for; another first choice gets a note. */
    executionProviders?: readonly ExecutionProviderConfig[];
    /** Threads at most; 0 or none: as `load` of mite chooses. */
    intraOpNumThreads?: number;
    /** Sizes for dimensions that the model leaves open, by name. */
    freeDimensionOverrides?: { readonly [dimensionName: string]: number };
    /** `disabled`: nothing is simplified. Everything else: all that mite can do. */
    graphOptimizationLevel?: "disabled" | "basic" | "extended" | "layout" | "all";
    externalData?: readonly ExternalDataFile[];
    /** From the first run on; `endProfiling` writes what was measured to the console. */
    enableProfiling?: boolean;
    /** Above 2 (warning), notes are not written to the console. */
    logSeverityLevel?: 0 | 1 | 2 | 3 | 4;
    /** Outputs are in memory; another place gets a note. */
    preferredOutputLocation?:
      Tensor.DataLocation | { readonly [outputName: string]: Tensor.DataLocation };
    /** mite's own options, for this session: worker, threads, wasm, signal, onProgress, … */
    mite?: LoadOptions;

    // Taken, and without effect: they steer machinery that mite has not.
    interOpNumThreads?: number;
    enableCpuMemArena?: boolean;
    enableMemPattern?: boolean;
    executionMode?: "sequential" | "parallel";
    optimizedModelFilePath?: string;
    profileFilePrefix?: string;
    logId?: string;
    logVerbosityLevel?: number;
    enableGraphCapture?: boolean;
    extra?: Record<string, unknown>;
  }

  interface RunOptions {
    /** Stops the run between two nodes; the session stays usable. Not in onnxruntime. */
    signal?: AbortSignal;
    /** true: the run is refused at once. */
    terminate?: boolean;

    // Taken, and without effect.
    logSeverityLevel?: 0 | 1 | 2 | 3 | 4;
    logVerbosityLevel?: number;
    tag?: string;
    extra?: Record<string, unknown>;
  }

  interface TensorValueMetadata {
    readonly name: string;
    readonly isTensor: true;
    readonly type: Tensor.Type;
    /** Open dimensions by the name that the ONNX file gives them; -1 where it gives none. */
    readonly shape: ReadonlyArray<number | string>;
  }
  type ValueMetadata = TensorValueMetadata;
}

/** What a session asks of mite's `Model`. */
export interface SessionModel extends Pick<Model, "inputs" | "outputs" | "profile" | "dispose"> {
  run(
    inputs: Readonly<Record<string, { data: Data; shape: readonly number[] }>>,
    options?: { signal?: AbortSignal; outputs?: readonly string[] },
  ): Promise<Record<string, MiteTensor>>;
}

/** A model. Runs may overlap: they queue. */
export interface InferenceSession {
  run(
    feeds: InferenceSession.FeedsType,
    options?: InferenceSession.RunOptions,
  ): Promise<InferenceSession.ReturnType>;
  /** Only the outputs that are named; into the tensors that are given for them. */
  run(
    feeds: InferenceSession.FeedsType,
    fetches: InferenceSession.FetchesType,
    options?: InferenceSession.RunOptions,
  ): Promise<InferenceSession.ReturnType>;
  /** Ends the session and gives back all of its memory. */
  release(): Promise<void>;
  startProfiling(): void;
  /** Writes trace events of all runs since, as JSON, to the console. */
  endProfiling(): void;
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly inputMetadata: readonly InferenceSession.ValueMetadata[];
  readonly outputMetadata: readonly InferenceSession.ValueMetadata[];
  /** What computes, in mite's words; a whole `Model` unless shapes must be known first. */
  readonly model: SessionModel;
  /** What was asked for and not done, and what the converter has to say; a sentence each. */
  readonly notes: readonly string[];
}

export interface InferenceSessionFactory {
  /** An address; in Node also a path. What ends in `.mite` is opened without the converter. */
  create(
    uri: string | URL,
    options?: InferenceSession.SessionOptions,
  ): Promise<InferenceSession>;
  /** The bytes of a `.onnx` (or `.tflite`) or `.mite` file; they stay yours. */
  create(
    model: ArrayBufferLike | Uint8Array | Blob,
    options?: InferenceSession.SessionOptions,
  ): Promise<InferenceSession>;
  create(
    buffer: ArrayBufferLike,
    byteOffset: number,
    byteLength?: number,
    options?: InferenceSession.SessionOptions,
  ): Promise<InferenceSession>;
}

export declare const InferenceSession: InferenceSessionFactory;

// --- Settings --------------------------------------------------------------------------------

export interface Env {
  /** Below `error`, notes are written to the console, each once. */
  logLevel?: "verbose" | "info" | "warning" | "error" | "fatal";
  /** Whose interface this is. No `web`: libraries would fetch onnxruntime's own files by it. */
  readonly versions: { readonly common: string; readonly web?: string; readonly node?: string };
  readonly wasm: {
    /** Threads at most, for sessions that do not say; 0 or none: as `load` of mite chooses. */
    numThreads?: number;
    /** true: in a worker, also in Node. In pages sessions are in one anyway. */
    proxy?: boolean;

    // Taken, and without effect: they are about onnxruntime's own WebAssembly files.
    simd?: boolean | "fixed" | "relaxed";
    trace?: boolean;
    initTimeout?: number;
    wasmPaths?: string | { wasm?: URL | string; mjs?: URL | string };
    wasmBinary?: ArrayBufferLike | Uint8Array;
  };
  /** mite's own options for all sessions, such as { wasm: "/static/mite/" }. */
  mite: LoadOptions;
  /** Taken, and without effect. */
  readonly webgl: any;
  /** Taken, and without effect. */
  readonly webgpu: any;
  debug?: boolean;
  trace?: boolean;
  [name: string]: unknown;
}

export declare const env: Env;

declare const ort: {
  readonly InferenceSession: InferenceSessionFactory;
  readonly Tensor: TensorConstructor;
  readonly env: Env;
};
export default ort;
