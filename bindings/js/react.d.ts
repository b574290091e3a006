// SPDX-License-Identifier: Apache-2.0
// The public interface of `mite/react`, for React 18 or newer.
//
//   import { useModel } from "mite/react";
//   function Answer({ photo }) {
//     const { status, model, progress, error, retry } = useModel("/models/efficientnet-lite0.int8.mite");
//     …
//   }
import type { LoadOptions, Model, Progress, Source } from "./mite.d.ts";

export type ModelState =
  | { readonly status: "idle"; readonly model?: undefined; readonly progress?: undefined; readonly error?: undefined }
  | { readonly status: "loading"; readonly progress?: Progress; readonly model?: undefined; readonly error?: undefined }
  | { readonly status: "ready"; readonly model: Model; readonly progress?: undefined; readonly error?: undefined }
  | { readonly status: "error"; readonly error: unknown; readonly model?: undefined; readonly progress?: undefined };

/**
 * Loads a model when the component is mounted. Components that name the same source share one model; a second
 * after the last of them has gone, its download is stopped or its memory given back. Nothing is loaded while a
 * page is rendered on a server.
 * @param source null or undefined: nothing yet (`idle`)
 * @param options count when loading begins; a later change loads nothing anew
 * @returns the state, and `retry`, which loads again after an error
 */
export function useModel(
  source: Source | null | undefined,
  options?: Omit<LoadOptions, "signal">,
): ModelState & { readonly retry: () => void };
