// SPDX-License-Identifier: Apache-2.0
// The application that page.mjs bundles: transformers.js, and two pipelines.
import * as transformers from "@huggingface/transformers";
import { answers } from "./pipelines.mjs";

/**
 * @param {string} models
 * @param {string} picture
 * @param {Parameters<typeof answers>[3]} which
 */
export const run = (models, picture, which) => answers(transformers, models, picture, which);
