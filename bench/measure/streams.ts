import { Agent, type ClientRequest, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { startBenchWorker, startOncegate } from '../contenders.ts';
import { residentBytes } from '../processes/usage.ts';
import type { World } from '../world.ts';
import type { Latency } from './latency.ts';
import { quantile } from './statistics.ts';

export interface StreamMemory {
  readonly name: string;
  readonly bytesPerStream: number;
}

/** When the first byte of an event stream arrives, one stream at a time. */
export async function measureFirstByte(world: World, streams: number): Promise<Latency[]> {
  const proxy = world.keep(await startBenchWorker(world, 'proxy'));
  const oncegate = world.keep(await startOncegate(world, 'tmpfs'));
  const cases = [
    ['direct', world.origin.url],
    ['plain Worker proxy', proxy.url],
    ['Oncegate', oncegate.url],
  ] as const;
  const found = new Map<string, number[]>(cases.map(([name]) => [name, []]));
  const agent = new Agent({ keepAlive: true });
  for (let n = -WARM_UP_STREAMS; n < streams; n += 1) {
    for (const [name, url] of cases) {
      const ms = await firstByte(`${url}/sse/3`, `sse-${n}`, agent);
      if (n >= 0) found.get(name)?.push(ms);
    }
  }
  agent.destroy();
  for (const running of [proxy, oncegate]) await running.stop();
  return [...found].map(([name, ms]) => ({ name, p50Ms: quantile(ms, 0.5), p99Ms: quantile(ms, 0.99) }));
}

const WARM_UP_STREAMS = 100;

/** What the runtime's process grows by for each stream that is open and silent. */
export async function measureIdleStreams(world: World, streams: number): Promise<StreamMemory[]> {
  const found: StreamMemory[] = [];
  for (const name of ['plain Worker proxy', 'Oncegate'] as const) {
    const running = world.keep(
      name === 'Oncegate' ? await startOncegate(world, 'tmpfs') : await startBenchWorker(world, 'proxy'),
    );
    // The objects and the code are there before the counting begins.
    const before = await open(`${running.url}/idle`, 'warm', WARM_UP_STREAMS);
    const residentBefore = residentBytes(running.pid);
    const during = await open(`${running.url}/idle`, 'idle', streams);
    await delay(SETTLE_MS);
    found.push({ name, bytesPerStream: (residentBytes(running.pid) - residentBefore) / streams });
    for (const request of [...before, ...during]) request.destroy();
    await running.stop();
  }
  return found;
}

const SETTLE_MS = 1_000;
const OPENING_AT_A_TIME = 50;

async function open(url: string, prefix: string, count: number): Promise<ClientRequest[]> {
  const opened: ClientRequest[] = [];
  while (opened.length < count) {
    const batch = Array.from({ length: Math.min(OPENING_AT_A_TIME, count - opened.length) }, (_, n) =>
      streaming(url, `${prefix}-${opened.length + n}`),
    );
    opened.push(...(await Promise.all(batch)));
  }
  return opened;
}

function streaming(url: string, key: string): Promise<ClientRequest> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', headers: headersOf(key), agent: false }, (response) => {
      response.on('error', () => {});
      response.once('data', () => resolve(sent));
    });
    sent.on('error', reject);
    sent.end();
  });
}

function firstByte(url: string, key: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    let ms = 0;
    const sent = request(url, { method: 'POST', headers: headersOf(key), agent }, (response) => {
      response.once('data', () => {
        ms = performance.now() - startedAt;
      });
      response.resume();
      response.once('end', () => resolve(ms));
    });
    sent.on('error', reject);
    sent.end();
  });
}

function headersOf(key: string) {
  return { 'idempotency-key': key, authorization: 'Bearer bench', 'content-length': 0 };
}
