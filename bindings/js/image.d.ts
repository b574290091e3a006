// SPDX-License-Identifier: Apache-2.0
// The public interface of `mite/image`: from pictures to tensors, and from a model's outputs to boxes and
// masks in the picture's own pixels. Classification is `model.classify`.
//
//   import { load } from "mite";
//   import { detect, segment } from "mite/image";
//   const { detections } = await detect(model, photo);
//   for (const { label, score, box } of detections) console.log(label, score, box.x, box.y);
//   const people = await segment(other, video);
//   context.putImageData(new ImageData(…, people.picture.width), 0, 0);
import type {
  Classification,
  DetectionPostprocess,
  ImageInput,
  ImageOptions,
  LoadOptions,
  Model,
  Preprocess,
  Region,
  SeenPicture,
  SegmentationPostprocess,
} from "./mite.d.ts";

export { MiteError } from "./mite.js";

export type Times = Classification["ms"] & { readonly postprocess: number };

// --- Boxes -----------------------------------------------------------------------------------

export interface DetectOptions extends ImageOptions {
  /** In place of `metadata.postprocess`. */
  postprocess?: DetectionPostprocess;
  scoreThreshold?: number;
  iouThreshold?: number;
  /** The best so many. Default 100. */
  maxDetections?: number;
}

export interface Detection {
  /** Number of the class among `metadata.labels`. */
  readonly index: number;
  /** Its name, or "class 3". */
  readonly label: string;
  readonly score: number;
  /** In pixels of the picture, cut to it. */
  readonly box: Region;
  /** In pixels of the picture, where the model gives points. */
  readonly keypoints?: readonly { readonly x: number; readonly y: number }[];
}

export interface Detections {
  /** Best first. */
  readonly detections: readonly Detection[];
  readonly picture: SeenPicture;
  readonly ms: Times;
}

/**
 * Finds objects, as `metadata.postprocess` of kind `detection` says: tables of boxes as SSD, YOLO, DETR,
 * MediaPipe and torchvision give them, with non-maximum suppression.
 */
export function detect(model: Model, image: ImageInput, options?: DetectOptions): Promise<Detections>;

// --- Masks -----------------------------------------------------------------------------------

export interface SegmentOptions extends ImageOptions {
  /** In place of `metadata.postprocess`. */
  postprocess?: SegmentationPostprocess;
}

export interface Segmentation {
  /** Of the mask: usually fewer than the picture's pixels. It covers `picture.region`. */
  readonly width: number;
  readonly height: number;
  /** The likeliest class of each place, row by row. */
  readonly classes: Uint8Array | Uint16Array;
  /** [class][height][width]. A model with one number a place has two classes: background and object. */
  readonly probabilities: Float32Array;
  /** A name for each class. */
  readonly labels: readonly string[];
  /** The share of the places that each class has, 0 to 1. */
  readonly coverage: readonly number[];
  readonly picture: SeenPicture;
  readonly ms: Times;
  /**
   * How probable the class is at each pixel, 0 to 255, at the picture's size or another one: an alpha channel.
   * @param index default 1
   */
  mask(index?: number, size?: { width?: number; height?: number }): Uint8ClampedArray;
}

/** Says which class each place of a picture belongs to (`metadata.postprocess` of kind `segmentation`). */
export function segment(model: Model, image: ImageInput, options?: SegmentOptions): Promise<Segmentation>;

// --- Tensors ---------------------------------------------------------------------------------

export interface TensorOptions extends Preprocess, Pick<LoadOptions, "signal" | "wasm"> {
  width: number;
  height: number;
}

export interface ImageTensor {
  readonly data: Float32Array;
  /** [1, channels, height, width], or with `layout: "nhwc"` the channels last. */
  readonly shape: readonly number[];
  readonly dtype: "f32";
  readonly picture: SeenPicture;
}

/**
 * A picture as a tensor, for `run` of any model: decoded, fitted and normalised by mite's own code, on the
 * calling thread. Default layout here: `nchw`.
 */
export function imageTensor(image: ImageInput, options: TensorOptions): Promise<ImageTensor>;
