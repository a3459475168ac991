/** @module Data points for Analytics Engine. Runs in: the Worker. */

const INDEX_MAX_BYTES = 96;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What a data point says of one keyed request. */
export interface RequestEvent {
  readonly route: string;
  /** `executed`, `joined`, `replayed`, or the slug of the problem. */
  readonly outcome: string;
  readonly status: number;
  readonly shard: number | null;
  readonly ms: number;
}

/**
 * Writes a data point to Analytics Engine. Nothing waits for it, and it may be lost.
 *
 * index1: route · blob1: route · blob2: outcome · blob3: status · blob4: number of the ledger object ·
 * double1: ms
 */
export function recordEvent(events: AnalyticsEngineDataset | null, event: RequestEvent): void {
  const { route, outcome, status, shard, ms } = event;
  events?.writeDataPoint({
    indexes: [decoder.decode(encoder.encode(route).subarray(0, INDEX_MAX_BYTES))],
    blobs: [route, outcome, String(status), shard === null ? '' : String(shard)],
    doubles: [ms],
  });
}
