/** Parts that each doubling of a value is cut into: a quantile is off by at most 1/256 of itself. */
const PARTS_BITS = 7;
/** From 2^-14 ms (61 ns) to 2^24 ms (4.7 hours); what lies outside counts as the nearest. */
const LOWEST_EXPONENT = -14;
const OCTAVES = 38;
const BUCKETS = OCTAVES << PARTS_BITS;
/** The upper bits of a float are its exponent and the first bits of its fraction: its logarithm. */
const SHIFT = 20 - PARTS_BITS;
const OFFSET = (1023 + LOWEST_EXPONENT) << PARTS_BITS;

/** How often which values came, in fixed memory however many they are: milliseconds, here. */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  readonly #view = new DataView(new ArrayBuffer(8));
  #count = 0;
  #sum = 0;
  #max = 0;

  record(value: number, times = 1): void {
    this.#view.setFloat64(0, value);
    const bucket = (this.#view.getInt32(0) >> SHIFT) - OFFSET;
    const index = bucket < 0 ? 0 : bucket >= BUCKETS ? BUCKETS - 1 : bucket;
    this.#counts[index] = (this.#counts[index] ?? 0) + times;
    this.#count += times;
    this.#sum += value * times;
    if (value > this.#max) this.#max = value;
  }

  get count(): number {
    return this.#count;
  }

  /** Exact, as is the mean; 0 where nothing was recorded. */
  get max(): number {
    return this.#max;
  }

  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  /** The value that such a share of all values does not exceed; 0 where there are none. */
  quantile(share: number): number {
    const rank = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    for (let index = 0; index < BUCKETS; index++) {
      seen += this.#counts[index] ?? 0;
      if (seen >= rank) return index === 0 ? 0 : Math.min(this.#max, middleOf(index));
    }
    return this.#max;
  }
}

function startOf(index: number): number {
  const parts = 1 << PARTS_BITS;
  const exponent = LOWEST_EXPONENT + (index >> PARTS_BITS);
  return 2 ** exponent * (1 + (index % parts) / parts);
}

function middleOf(index: number): number {
  return (startOf(index) + startOf(index + 1)) / 2;
}
