/**
 * @module Times, counted in buckets: for Prometheus, and for percentiles in the console.
 * Runs in: the Worker, the ledger object.
 */

/**
 * Upper bounds of the buckets of each histogram, in milliseconds. What takes longer is in a bucket without a
 * bound.
 *
 * `upstream`: from sending a request to the end of its response. `added`: what the ledger object takes beside
 * that, from the request's arrival there to its sending, and from the end of its response until that is
 * durable.
 */
export const HISTOGRAMS = {
  upstream: [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 120_000, 300_000],
  added: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
} as const;

/** The name of one of them. */
export type HistogramName = keyof typeof HISTOGRAMS;

/** The counter of a bucket. */
export type Bucket = {
  [Name in HistogramName]: `${Name}UpTo${(typeof HISTOGRAMS)[Name][number]}` | `${Name}Above`;
}[HistogramName];

/** The buckets of a histogram with their bounds, the fastest first. */
export function bucketsOf(name: HistogramName): { readonly bucket: Bucket; readonly upToMs: number }[] {
  const bounded = HISTOGRAMS[name].map((upToMs) => ({ bucket: `${name}UpTo${upToMs}` as Bucket, upToMs }));
  return [...bounded, { bucket: `${name}Above`, upToMs: Number.POSITIVE_INFINITY }];
}

const BUCKETS_OF = { upstream: bucketsOf('upstream'), added: bucketsOf('added') } as const;

/** Every bucket of every histogram. */
export const BUCKETS: readonly Bucket[] = Object.values(BUCKETS_OF).flatMap((of) =>
  of.map(({ bucket }) => bucket),
);

/** The bucket that a time is counted in. */
export function bucketFor(name: HistogramName, ms: number): Bucket {
  return BUCKETS_OF[name].find(({ upToMs }) => ms <= upToMs)?.bucket ?? `${name}Above`;
}

/**
 * What time that part of all (0.95 for p95) took at most, in milliseconds: interpolated in its bucket, as
 * Prometheus does, and the highest bound where it is beyond that. `null` where nothing was counted.
 */
export function quantile(
  name: HistogramName,
  counts: Readonly<Record<Bucket, number>>,
  part: number,
): number | null {
  const buckets = BUCKETS_OF[name];
  const rank = part * buckets.reduce((sum, { bucket }) => sum + counts[bucket], 0);
  if (rank === 0) return null;
  let below = 0;
  let fromMs = 0;
  for (const { bucket, upToMs } of buckets) {
    const count = counts[bucket];
    if (below + count >= rank) {
      return upToMs === Number.POSITIVE_INFINITY
        ? fromMs
        : fromMs + (upToMs - fromMs) * ((rank - below) / count);
    }
    below += count;
    fromMs = upToMs;
  }
  return fromMs;
}
