/** @module `oncegate bench`. Runs in: Node. */

import { randomUUID } from 'node:crypto';
import { createHistogram, performance } from 'node:perf_hooks';
import { EXIT, Exit } from './exit.ts';
import { whyNoAnswer } from './fetch.ts';
import { headersFrom } from './headers.ts';
import { parseOptions } from './options.ts';
import { json, note, table } from './print.ts';

/** What one round of requests came to. Rate and times are of those that succeeded; `null` where none did. */
interface Round {
  readonly name: string;
  readonly requests: number;
  readonly failed: number;
  /** How many failed with which status, or for want of an answer. */
  readonly failures: Readonly<Record<string, number>>;
  readonly replayed: number;
  readonly requestsPerSecond: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
}

interface Load {
  readonly url: string;
  readonly init: RequestInit;
  readonly keyHeader: string;
  readonly keys: readonly string[];
  readonly connections: number;
}

/**
 * `oncegate bench URL`: sends requests with new keys, then the same ones again, and tells how fast each round
 * was.
 */
export async function bench(args: readonly string[]): Promise<void> {
  const options = parseOptions(
    args,
    ['json', 'requests', 'connections', 'method', 'body', 'header', 'key-header'],
    { min: 1, max: 1 },
  );
  const [url = ''] = options.operands;
  const target = URL.parse(url);
  if (target === null || !/^https?:$/.test(target.protocol)) {
    throw new Exit(EXIT.usage, `${url} is not an http or https URL.`);
  }
  if (`${target.username}${target.password}` !== '') {
    throw new Exit(EXIT.usage, 'Credentials go into --header, not into the URL.');
  }
  const requests = options.count('requests', 200);
  const headers = headersFrom(options.texts('header'));
  if (!headers.has('content-type')) headers.set('content-type', 'application/json');
  const method = options.text('method') ?? 'POST';
  const body = options.text('body') ?? (/^(GET|HEAD)$/i.test(method) ? null : '{}');
  const load: Load = {
    url,
    init: { method, body, headers },
    keyHeader: options.text('key-header') ?? 'Idempotency-Key',
    keys: Array.from({ length: requests }, () => randomUUID()),
    connections: options.count('connections', 16),
  };
  if (!makesRequests(load)) {
    throw new Exit(EXIT.usage, 'No request can be made of this --method, --body and --key-header.');
  }
  note(`${requests} requests run upstream behind ${url}; their repeats should not.`);
  const rounds = [await round('first', load), await round('again', load)];
  if (options.flag('json')) json({ url, rounds });
  else {
    table([
      ['ROUND', 'REQUESTS', 'FAILED', 'REPLAYED', 'PER SECOND', 'P50 MS', 'P99 MS', 'MAX MS'],
      ...rounds.map((of) => [
        of.name,
        ...[of.requests, of.failed, of.replayed].map(String),
        of.requestsPerSecond?.toFixed(0) ?? '-',
        ...[of.p50Ms, of.p99Ms, of.maxMs].map((ms) => ms?.toFixed(1) ?? '-'),
      ]),
    ]);
  }
  const failed = rounds.reduce((sum, of) => sum + of.failed, 0);
  if (failed > 0) {
    const more = rounds.flatMap((of) =>
      Object.entries(of.failures).map(([why, times]) => `  ${of.name}: ${times} × ${why}`),
    );
    throw new Exit(EXIT.no, `${failed} requests did not succeed.`, more);
  }
}

function makesRequests({ url, init, keyHeader, keys }: Load): boolean {
  try {
    const request = new Request(url, init);
    request.headers.set(keyHeader, keys[0] ?? '');
    return true;
  } catch {
    return false;
  }
}

async function round(name: string, { url, init, keyHeader, keys, connections }: Load): Promise<Round> {
  const histogram = createHistogram();
  const failures = new Map<string, number>();
  const fail = (why: string) => failures.set(why, (failures.get(why) ?? 0) + 1);
  let answered = 0;
  let unanswered = 0;
  let succeeded = 0;
  let replayed = 0;
  const waiting = keys.values();
  const startedAt = performance.now();
  const work = async () => {
    for (const key of waiting) {
      const headers = new Headers(init.headers);
      headers.set(keyHeader, key);
      const sentAt = performance.now();
      try {
        const response = await fetch(url, { ...init, headers, redirect: 'manual' });
        answered += 1;
        await response.arrayBuffer();
        if (!response.ok) {
          fail(`status ${response.status}`);
          continue;
        }
        succeeded += 1;
        if (response.headers.get('idempotent-replayed') === 'true') replayed += 1;
        histogram.record(Math.max(1, Math.round((performance.now() - sentAt) * 1000)));
      } catch (error) {
        unanswered += 1;
        const why = whyNoAnswer(error);
        // To go on would be to measure how fast nothing answers.
        if (answered === 0 && unanswered >= Math.min(connections, keys.length)) {
          throw new Exit(EXIT.unreachable, `${new URL(url).origin} cannot be reached: ${why}.`);
        }
        fail(why);
      }
    }
  };
  await Promise.all(Array.from({ length: connections }, work));
  const seconds = (performance.now() - startedAt) / 1000;
  const ofSuccess = (value: number) => (succeeded === 0 ? null : value);
  return {
    name,
    requests: keys.length,
    failed: keys.length - succeeded,
    failures: Object.fromEntries(failures),
    replayed,
    requestsPerSecond: ofSuccess(succeeded / seconds),
    p50Ms: ofSuccess(histogram.percentile(50) / 1000),
    p99Ms: ofSuccess(histogram.percentile(99) / 1000),
    maxMs: ofSuccess(histogram.max / 1000),
  };
}
