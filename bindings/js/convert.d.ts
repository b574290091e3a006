// SPDX-License-Identifier: Apache-2.0
// mite/convert: other people's models to `.mite` files, in the page or in Node. A module of its
// own, fetched only by those who convert.
import type { DType, LoadOptions, Metadata, Model, Port, TensorInput } from "./mite.d.ts";

export interface SourcePort {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** One example: a value for every input by name, f32 in the input's shape. */
export type Example = Readonly<Record<string, Float32Array>>;

/** One example: a value for every input by name, as `run` takes it. */
export type StatisticsExample = Readonly<Record<string, TensorInput>>;

export interface ConvertOptions {
  /** For inputs whose shape the source leaves open, or to fix another batch size. */
  inputShapes?: Readonly<Record<string, readonly number[]>>;
  /**
   * Files beside the source, in which an ONNX model may keep its weights: their bytes by name
   * (relative to the source's folder, with /), or a function that gives some of them. The command
   * line reads them from the model's folder.
   */
  files?:
    | Readonly<Record<string, ArrayBuffer | ArrayBufferView>>
    | ((name: string, offset: number, bytes: number) => Uint8Array | undefined);
  /**
   * Most bytes that the model's graph may take while it is converted, and half as many for its
   * activations; beyond it the model is refused. Default: 3 GiB.
   */
  maxBytes?: number;
  /**
   * Written into the file; `provenance` and `selfTest` are added to. Without `labels`, those that a TensorFlow
   * Lite model brings along (TFLite Metadata) are taken.
   */
  metadata?: Metadata;
  /**
   * Quantizes to int8: called once with the model's inputs, gives the examples that ranges are
   * chosen by. A few dozen that resemble real use are enough. Where it gives none, only what needs none
   * is quantized: dense layers over many rows, and attention, as transformers have them.
   */
  examples?: (inputs: readonly SourcePort[]) => Promise<readonly Example[]> | readonly Example[];
  /**
   * Adds the output `class_map`, by which `mite/explain` shows what made a class likely: for networks that
   * end in global average pooling and one linear layer. Runs that do not ask for it do not compute it.
   */
  classMap?: boolean;
  /**
   * Whether the file gets statistics of the examples, by which `mite/metrics` tells drift (`metadata.statistics`);
   * of `examples`, or of those that a function gives for the inputs of the finished model. It takes a run of each.
   * Default: true where there are `examples`.
   */
  statistics?:
    | boolean
    | ((inputs: readonly Port[]) => Promise<readonly StatisticsExample[]> | readonly StatisticsExample[]);
  /** false: the source as it was read, with nothing simplified, to compare with. Default: true. */
  optimise?: boolean;
  /**
   * Whether the file gets a self-test, which takes a run of the model. Default: true, save where an
   * output has more than 2²⁵ elements.
   */
  selfTest?: boolean;
  /**
   * Also runs the source as it was read, with nothing simplified, and compares: on `examples`, or where there
   * are none on random numbers.
   */
  check?: boolean;
  /** Where mite's `.wasm` files are, see `load`. */
  wasm?: LoadOptions["wasm"];
}

export interface Converted {
  /** The `.mite` file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly format: string;
  readonly inputs: readonly SourcePort[];
  readonly outputs: readonly SourcePort[];
  /** What the user should know, a sentence each. */
  readonly warnings: readonly string[];
  /** With `check`: largest difference of an output element, and the largest element. */
  readonly difference?: { readonly largest: number; readonly of: number };
}

/** Converts a whole source file (ONNX, TensorFlow Lite). */
export function convert(
  source: ArrayBuffer | ArrayBufferView,
  options?: ConvertOptions,
): Promise<Converted>;

export interface NodeDescription {
  readonly name: string;
  readonly op: string;
  readonly kernel: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly macs: number;
  /** Bytes of the node's constants as they lie in the file. */
  readonly weightBytes: number;
  /** Bytes of all that the node reads and writes in one run, constants included. */
  readonly bytes: number;
}

export interface Description {
  readonly id: string;
  readonly fileBytes: number;
  readonly arenaBytes: number;
  readonly inputs: Model["inputs"];
  readonly outputs: Model["outputs"];
  readonly metadata: Metadata;
  readonly nodes: readonly NodeDescription[];
}

/** What a `.mite` file holds and needs. */
export function describe(
  file: ArrayBuffer | ArrayBufferView,
  options?: Pick<ConvertOptions, "wasm">,
): Promise<Description>;

export interface DiffOptions {
  /** Inputs by name; those that are missing are random, the same for both models. */
  inputs?: Readonly<Record<string, TensorInput>>;
  inputShapes?: ConvertOptions["inputShapes"];
  files?: ConvertOptions["files"];
  /** Of the random inputs, from 1 to 4294967295. Default: 1. */
  seed?: number;
  wasm?: ConvertOptions["wasm"];
}

/** A result that both models have under one name, as real numbers. */
export interface LayerDifference {
  readonly name: string;
  /** The operator of the second model, and the shape of its result. */
  readonly op: string;
  readonly shape: readonly number[];
  /** Largest difference of an element (Infinity where shapes differ), largest element of the first. */
  readonly largest: number;
  readonly of: number;
  /** Cosine of the angle between the two, as vectors; 1 where one is all zero. */
  readonly cosine: number;
}

export interface Difference {
  /** In the second model's running order. */
  readonly layers: readonly LayerDifference[];
  readonly outputs: readonly LayerDifference[];
}

/**
 * Runs two models on the same inputs and compares what they compute, layer by layer. Sources
 * (ONNX, TensorFlow Lite) are run as they were read, with nothing simplified.
 */
export function diff(
  a: ArrayBuffer | ArrayBufferView,
  b: ArrayBuffer | ArrayBufferView,
  options?: DiffOptions,
): Promise<Difference>;
