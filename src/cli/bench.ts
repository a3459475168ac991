import { randomUUID } from 'node:crypto';
import { createHistogram, performance } from 'node:perf_hooks';
import { EXIT, Exit } from './exit.ts';
import { headersFrom } from './headers.ts';
import { parseOptions } from './options.ts';
import { json, note, table } from './print.ts';

interface Round {
  readonly name: string;
  readonly requests: number;
  readonly failed: number;
  readonly replayed: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

interface Load {
  readonly url: string;
  readonly init: RequestInit;
  readonly keyHeader: string;
  readonly keys: readonly string[];
  readonly connections: number;
}

/** `oncegate bench URL`: sends requests with new keys, then the same ones again, and tells how fast each round was. */
export async function bench(args: readonly string[]): Promise<void> {
  const options = parseOptions(
    args,
    ['json', 'requests', 'connections', 'method', 'body', 'header', 'key-header'],
    { min: 1, max: 1 },
  );
  const [url = ''] = options.operands;
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) {
    throw new Exit(EXIT.usage, `${url} is not an http or https URL.`);
  }
  const requests = options.count('requests', 200);
  const headers = headersFrom(options.texts('header'));
  if (!headers.has('content-type')) headers.set('content-type', 'application/json');
  const load: Load = {
    url,
    init: {
      method: options.text('method') ?? 'POST',
      body: options.text('body') ?? '{}',
      headers,
    },
    keyHeader: options.text('key-header') ?? 'Idempotency-Key',
    keys: Array.from({ length: requests }, () => randomUUID()),
    connections: options.count('connections', 16),
  };
  note(`${requests} requests run upstream behind ${url}; their repeats should not.`);
  const rounds = [await round('first', load), await round('again', load)];
  if (options.flag('json')) json({ url, rounds });
  else {
    table([
      ['ROUND', 'REQUESTS', 'FAILED', 'REPLAYED', 'PER SECOND', 'P50 MS', 'P99 MS', 'MAX MS'],
      ...rounds.map((of) => [
        of.name,
        ...[of.requests, of.failed, of.replayed].map(String),
        of.requestsPerSecond.toFixed(0),
        ...[of.p50Ms, of.p99Ms, of.maxMs].map((ms) => ms.toFixed(1)),
      ]),
    ]);
  }
  const failed = rounds.reduce((sum, of) => sum + of.failed, 0);
  if (failed > 0) throw new Exit(EXIT.no, `${failed} requests did not succeed.`);
}

async function round(name: string, { url, init, keyHeader, keys, connections }: Load): Promise<Round> {
  const histogram = createHistogram();
  let failed = 0;
  let replayed = 0;
  const waiting = keys.values();
  const startedAt = performance.now();
  const work = async () => {
    for (const key of waiting) {
      const headers = new Headers(init.headers);
      headers.set(keyHeader, key);
      const sentAt = performance.now();
      try {
        const response = await fetch(url, { ...init, headers });
        await response.arrayBuffer();
        if (!response.ok) failed += 1;
        if (response.headers.get('idempotent-replayed') === 'true') replayed += 1;
      } catch {
        failed += 1;
      }
      histogram.record(Math.max(1, Math.round((performance.now() - sentAt) * 1000)));
    }
  };
  await Promise.all(Array.from({ length: connections }, work));
  const seconds = (performance.now() - startedAt) / 1000;
  return {
    name,
    requests: keys.length,
    failed,
    replayed,
    requestsPerSecond: keys.length / seconds,
    p50Ms: histogram.percentile(50) / 1000,
    p99Ms: histogram.percentile(99) / 1000,
    maxMs: histogram.max / 1000,
  };
}
