// SPDX-License-Identifier: Apache-2.0
// The public interface of `mite/explain`: which part of a picture made a class likely.
//
//   import { explain } from "mite/explain";
//   const map = await explain(model, photo, { onProgress: draw, signal });
//   map.sentence;                                       // "tabby: mostly the upper left"
//   new ImageData(map.pixels(), map.picture.width);     // to be laid over the picture
import type { ImageInput, Model, Preprocess, SeenPicture } from "./mite.d.ts";

export { MiteError } from "./mite.js";

/**
 * `class-map`: what each place adds to the class's score (Zhou et al. 2016): exact, in one run, for models
 * converted with `classMap`. `occlusion`: how much less likely the class is with a patch covered (Zeiler and Fergus
 * 2014): any classifier, about 80 runs. `rise`: random masks weighted by the class's probability (Petsiuk et al.
 * 2018): any classifier, 400 runs, finer.
 */
export type ExplainMethod = "class-map" | "occlusion" | "rise";

export interface ExplainOptions {
  /** Default: `class-map` where the model has one, otherwise `occlusion`. */
  method?: ExplainMethod;
  /** The class to explain. Default: the likeliest. */
  index?: number;
  /** Cells across and down: of the patches' grid (8), or of RISE's masks (7). */
  grid?: number;
  /** RISE: how many masks. Default 400. */
  masks?: number;
  /** RISE: start of the random numbers; one seed gives one map. Default 1. */
  seed?: number;
  /** Called with the map so far, after every run. */
  onProgress?: (map: HeatMap) => void;
  signal?: AbortSignal;
  /** In place of `metadata.preprocess`. */
  preprocess?: Preprocess;
}

export interface HeatMap {
  readonly method: ExplainMethod;
  readonly index: number;
  readonly label: string;
  /** Of the map, which covers `picture.region`. */
  readonly width: number;
  readonly height: number;
  /**
   * Row by row, as the method gives it. Class map: parts of the score, whose mean is the score. Occlusion: how much
   * probability is lost. RISE: the mean probability with the place in sight.
   */
  readonly values: Float32Array;
  /** The same in 0…1, for the eye: 0 is nothing, or speaks against the class. */
  readonly strengths: Float32Array;
  readonly picture: SeenPicture;
  /** The strongest place, in pixels of the picture. */
  readonly peak: { readonly x: number; readonly y: number };
  /** Where, in words: "tabby: mostly the upper left". */
  readonly sentence: string;
  /** 0 to 1: of the runs that the method takes. */
  readonly done: number;
  /** RGBA at the picture's size or another one, to be drawn over it. Default opacity 0.6. */
  pixels(options?: { width?: number; height?: number; opacity?: number }): Uint8ClampedArray<ArrayBuffer>;
}

/** Runs where the model runs: in a page in its worker, so that nothing blocks. */
export function explain(model: Model, image: ImageInput, options?: ExplainOptions): Promise<HeatMap>;
