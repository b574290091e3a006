// SPDX-License-Identifier: Apache-2.0
// The entry `mite/image`; ../image.d.ts documents it.
import { compileRuntime } from "./compile.js";
import { MiteError } from "./errors.js";
import { pictureSpec } from "./metadata.js";
import { PictureReader, closePicture, portablePicture } from "./picture.js";

export { MiteError } from "./errors.js";
export { detect } from "./image/detection.js";
export { segment } from "./image/segmentation.js";

/**
 * @param {import("../mite.d.ts").ImageInput} image
 * @param {import("../image.d.ts").TensorOptions} options
 * @returns {Promise<import("../image.d.ts").ImageTensor>}
 */
export async function imageTensor(image, { signal, wasm, ...preprocess }) {
  signal?.throwIfAborted();
  const { width, height, layout = "nchw", order = "rgb" } = preprocess;
  if (!width || !height) {
    throw new MiteError("argument", "imageTensor() needs the width and height that the model wants");
  }
  const depth = order === "gray" ? 1 : 3;
  const shape = layout === "nchw" ? [1, depth, height, width] : [1, height, width, depth];
  const port = { name: "tensor", dtype: /** @type {const} */ ("f32"), shape };
  const spec = pictureSpec({ ...preprocess, layout, order }, port);
  const [{ module }, picture] = await Promise.all([
    compileRuntime(wasm),
    portablePicture(image, signal),
  ]);
  try {
    const { data, seen } = await new PictureReader(module).read({ picture, spec }, port);
    return { data: /** @type {Float32Array} */ (data), shape, dtype: "f32", picture: seen };
  } finally {
    if (picture !== image) closePicture(picture);
  }
}
