// SPDX-License-Identifier: Apache-2.0
// The public interface of `mite/element`: a picture classifier as an HTML element.
//
//   <mite-classifier src="/models/efficientnet-lite0.int8.mite" top="3"></mite-classifier>
//
//   import { defineClassifier } from "mite/element";
//   defineClassifier();
//
// It takes pictures by its button, dropped or pasted, and shows the classes. `::part(drop)` and
// `::part(results)` style it. Events, which bubble: `mite-progress` (detail: Progress), `mite-ready` (Model),
// `mite-result` (Classification), `mite-error` (the error).
import type { Classification, ImageInput, Model } from "./mite.d.ts";

type ElementBase = typeof globalThis extends { HTMLElement: { prototype: infer T } } ? T : object;

export interface MiteClassifier extends ElementBase {
  /** Address of the model, relative to the page; it is loaded when the first picture comes, or by `ready`. */
  src: string;
  /** How many classes are shown. Default 5. */
  top: number;
  /** Loads the model, once. */
  ready(): Promise<Model>;
  /** As if the picture had been chosen. A newer picture rejects the one before with an AbortError. */
  classify(image: ImageInput): Promise<Classification>;
  /** Gives the model's memory back; done when the element is removed. A later picture loads it again. */
  dispose(): Promise<void>;
}
export const MiteClassifier: { new (): MiteClassifier };

/** Defines the element, once; a second call does nothing. @param name default `mite-classifier` */
export function defineClassifier(name?: string): void;
