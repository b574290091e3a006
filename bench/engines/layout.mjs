// SPDX-License-Identifier: Apache-2.0

/**
 * What an engine of TensorFlow's family wants instead of ONNX's NCHW. Turning the input round happens
 * before the clock starts.
 * @param {readonly number[]} shape as in ONNX
 */
export function channelsLast(shape) {
  if (shape.length !== 4) return { shape: [...shape], from: (/** @type {Float32Array} */ values) => values };
  const [n, channels, height, width] = shape;
  const pixels = height * width;
  /** @param {Float32Array} values */
  const from = (values) => {
    const out = new Float32Array(values.length);
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < pixels; i++) out[channels * i + c] = values[pixels * c + i];
    }
    return out;
  };
  return { shape: [n, height, width, channels], from };
}
