// SPDX-License-Identifier: Apache-2.0
// Stretching a grid over the part of a picture that it covers.

/**
 * For each pixel along one side the two places of the grid it lies between, or undefined outside of it.
 * @param {number} wanted
 * @param {number} full the picture's side
 * @param {number} start of the region that the grid covers
 * @param {number} extent
 * @param {number} places
 */
export function samples(wanted, full, start, extent, places) {
  return Array.from({ length: wanted }, (_, i) => {
    const fraction = (((i + 0.5) / wanted) * full - start) / extent;
    if (fraction < 0 || fraction > 1) return undefined;
    const at = Math.min(Math.max(fraction * places - 0.5, 0), places - 1);
    const low = Math.floor(at);
    return { low, high: Math.min(low + 1, places - 1), part: at - low };
  });
}
