// SPDX-License-Identifier: Apache-2.0
// Counts in fixed buckets, and what can be told from them.

/** Preferred numbers (ISO 3, R5), five a decade: 10 µs to 100 s. In milliseconds. */
export const DURATIONS = [-2, -1, 0, 1, 2, 3, 4]
  .flatMap((decade) => [1, 1.6, 2.5, 4, 6.3].map((m) => Number(`${m}e${decade}`)))
  .concat(1e5);
/** Of probabilities. */
export const TENTHS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

/**
 * The first bucket whose bound is not below x; one more than there are bounds where all are.
 * @param {readonly number[]} bounds ascending
 * @param {number} x
 */
export function bucketOf(bounds, x) {
  let [low, high] = [0, bounds.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x <= bounds[middle]) high = middle;
    else low = middle + 1;
  }
  return low;
}

export class Histogram {
  /** @param {readonly number[]} bounds */
  constructor(bounds) {
    this.bounds = bounds;
    this.counts = new Array(bounds.length + 1).fill(0);
    this.count = 0;
    this.sum = 0;
    this.min = Infinity;
    this.max = -Infinity;
  }

  /** @param {number} x */
  add(x) {
    this.counts[bucketOf(this.bounds, x)]++;
    this.count++;
    this.sum += x;
    this.min = Math.min(this.min, x);
    this.max = Math.max(this.max, x);
  }

  /**
   * As Prometheus estimates it, evenly spread within a bucket, of which only what was seen counts.
   * @param {number} share 0 to 1
   */
  #quantile(share) {
    let below = 0;
    const rank = share * this.count;
    const index = this.counts.findIndex((n) => (below += n) >= rank && n > 0);
    const low = Math.max(this.min, this.bounds[index - 1] ?? -Infinity);
    const high = Math.min(this.max, this.bounds[index] ?? Infinity);
    return low + (high - low) * (1 - (below - rank) / this.counts[index]);
  }

  /** @returns {import("../../metrics.d.ts").HistogramData} */
  read() {
    const { bounds, counts, count, sum } = this;
    const told = { count, sum, bounds, counts: [...counts] };
    if (!count) return told;
    const [p50, p90, p99] = [0.5, 0.9, 0.99].map((share) => this.#quantile(share));
    return { ...told, mean: sum / count, min: this.min, max: this.max, p50, p90, p99 };
  }
}
