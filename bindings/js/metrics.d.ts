// SPDX-License-Identifier: Apache-2.0
// The public interface of `mite/metrics`: how a model does in the page. Nothing is sent anywhere but by the page.
//
//   const model = await load(address, { metrics: true });
//   const { runs, memory, confidence, drift } = await model.metrics();
//
//   import { prometheus, watch } from "mite/metrics";
//   watch(model, { interval: 60_000, onMetrics: (metrics) => navigator.sendBeacon("/metrics", prometheus(metrics)) });
import type { Model, Runtime, SelfTestResult } from "./mite.d.ts";

export { MiteError } from "./mite.js";

/** Why {@link WatchOptions.onMetrics} is called: its time has come, the threshold is crossed, the model is disposed. */
export type Reason = "interval" | "threshold" | "end";

export interface WatchOptions {
  /**
   * Called as `interval` and `threshold` say, and, if there is news, once the model is disposed. It decides
   * what happens with the numbers.
   */
  onMetrics?: (metrics: Metrics, reason: Reason) => void;
  /** Milliseconds between calls; none is made where nothing has happened since the last. */
  interval?: number;
  /** Called soon after runs (within 100 ms); when it begins to hold, `onMetrics` is called. */
  threshold?: (metrics: Metrics) => boolean;
  /** Of how many runs drift is told at the earliest. Default: 30. */
  minRuns?: number;
  /**
   * Which share of the time that runs take may go into looking at their inputs; where it is used up, runs are
   * left out. One for the model, as last said. Default: 0.01.
   */
  budget?: number;
}

export interface Watched {
  /** As things are now. */
  read(): Metrics;
  /** No more calls of `onMetrics`. What is counted of the model is counted on. */
  stop(): void;
}

/** Begins to watch a model, or joins those who do. */
export function watch(model: Model, options?: WatchOptions): Watched;

export interface PrometheusOptions {
  /** Added to every series, beside `model`, `version` and `id`. */
  labels?: Readonly<Record<string, string>>;
}

/** Prometheus' text format, version 0.0.4 (`text/plain; version=0.0.4`), of one model or several. */
export function prometheus(metrics: Metrics | readonly Metrics[], options?: PrometheusOptions): string;

/** How many of something lay where. */
export interface HistogramData {
  readonly count: number;
  readonly sum: number;
  /** Upper bounds of the buckets (x ≤ bound), the same for all models; one more bucket has what is above. */
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  /** What follows is absent where nothing was counted. Quantiles are estimated within their bucket. */
  readonly mean?: number;
  readonly min?: number;
  readonly max?: number;
  readonly p50?: number;
  readonly p90?: number;
  readonly p99?: number;
}

/** Plain data: survives JSON and `structuredClone`. Times are milliseconds. */
export interface Metrics {
  /** When it was read, and when watching began: milliseconds since 1970. */
  readonly time: number;
  readonly since: number;
  /** From the file's metadata, and {@link Model.id}. */
  readonly model: { readonly name?: string; readonly version?: string; readonly id: string };
  /** mite's version, and what it chose; see {@link Runtime}. */
  readonly runtime: { readonly mite: string } & Pick<
    Runtime,
    "build" | "isa" | "whole" | "threads" | "worker" | "note"
  >;
  readonly load: LoadData;
  /** See {@link Runtime.bytes}: the peak, too. */
  readonly memory: Pick<Runtime, "bytes" | "arenaBytes">;
  readonly runs: RunsData;
  readonly selfTest: { readonly passed: number; readonly failed: number; readonly last?: SelfTestResult };
  /** Probability of the likeliest class, of models whose metadata says where it is. */
  readonly confidence?: HistogramData;
  readonly drift: DriftData;
}

export interface LoadData {
  /** How long the load was in each state; the total is until `ready`. */
  readonly ms: {
    readonly idle: number;
    readonly downloading: number;
    readonly verifying: number;
    readonly compiling: number;
    readonly total: number;
  };
  /** Bytes of the file by where they came from; `given`: from a stream, a Blob, bytes, or a path. */
  readonly bytes: { readonly network: number; readonly cache: number; readonly given: number };
}

export interface RunsData {
  /** Runs that gave a result. */
  readonly count: number;
  /** By the code of their MiteError; `aborted` by the caller's signal. */
  readonly failed: Readonly<Record<string, number>>;
  /** Runs of self-tests, and of pictures with parts covered (`mite/explain`): counted here alone. */
  readonly apart: number;
  /** Events before watching began that there was no room to keep. */
  readonly lost: number;
  /** Time in the model. */
  readonly ms: HistogramData;
  /** Time until the caller had the result: its turn, the picture, the way to the worker and back, the model. */
  readonly callMs: HistogramData;
  /** Of runs that were given a picture, the milliseconds to decode and prepare them all. */
  readonly pictures: { readonly count: number; readonly decode: number; readonly preprocess: number };
}

/** docs/monitoring.md tells the limits between them. */
export type DriftLevel = "unknown" | "none" | "some" | "much";

/** Whether the last 1000 to 2000 runs are like the examples that the model was calibrated with. */
export interface DriftData {
  /** The worst of all. */
  readonly level: DriftLevel;
  /** Runs whose inputs were looked at. */
  readonly runs: number;
  /** Examples that they are compared with; 0 where the model has no statistics. */
  readonly examples: number;
  readonly inputs: Readonly<
    Record<string, { readonly level: DriftLevel; readonly channels: readonly ChannelDrift[] }>
  >;
  readonly confidence?: ConfidenceDrift;
  /** Why the level is unknown, a sentence. */
  readonly reason?: string;
}

/** Figures are absent until there are enough runs. */
export interface ChannelDrift {
  readonly level: DriftLevel;
  readonly expected: {
    readonly mean: number;
    readonly std: number;
    readonly min: number;
    readonly max: number;
    readonly likeness?: number;
  };
  readonly mean?: number;
  readonly std?: number;
  readonly min?: number;
  readonly max?: number;
  /** Population stability index, and what chance makes of it among so few runs and examples. */
  readonly psi?: number;
  readonly chance?: number;
  /** Of the means, in standard deviations of the examples' numbers. */
  readonly difference?: number;
  /** Correlation of neighbours: near 1 in photos, 0 in noise. */
  readonly likeness?: number;
  /** NaN and infinities, which count for nothing else. */
  readonly notFinite: number;
}

export interface ConfidenceDrift {
  readonly level: DriftLevel;
  /** Answers that were counted. */
  readonly runs: number;
  readonly expected: { readonly mean: number; readonly std: number };
  readonly mean?: number;
  readonly psi?: number;
  readonly chance?: number;
  readonly difference?: number;
}
