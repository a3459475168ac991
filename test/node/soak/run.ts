/**
 * The soak run: `npx node test/node/soak/run.ts [--seconds N]`. A day of keys in compressed time: results
 * live for seconds, so that what is written, moved to RESULTS and swept in a day is so in minutes. Memory and
 * disk must level off, and nothing may stay.
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import bundle from '../harness/bundle.ts';
import '../harness/signals.ts';
import { startGateway } from '../harness/gateway.ts';
import { type Sample, sample } from './gauges.ts';

const { values: flags } = parseArgs({ options: { seconds: { type: 'string' } } });
const SECONDS = Number(flags.seconds ?? 120);
const TTL_SECONDS = 6;
const HOT_SECONDS = 2;
const CLIENTS = 16;
const SAMPLE_EVERY_MS = 5_000;
/** A sweep that finds something in use comes back after 30 s. */
const SWEPT_WITHIN_MS = TTL_SECONDS * 1000 + 40_000;
/** Every so many requests are for an error of this size, whose client leaves: nobody is left to read it. */
const ABANDONED_EVERY = 50;
const ABANDONED_BYTES = 4 * 1024 * 1024;
/** Every so many results are larger than a row, and leave the ledger for RESULTS. */
const LARGE_EVERY = 40;
const LARGE_BYTES = 600_000;
/** By how much the last third may lie above the middle one and still be level. */
const LEVEL = 1.3;

bundle();
const storage = await mkdtemp(`${tmpdir()}/oncegate-soak-`);
let running = 0;
const origin = createServer((incoming, response) => {
  running += 1;
  response.on('close', () => {
    running -= 1;
  });
  incoming.resume();
  const abandoned = incoming.url === '/abandoned';
  const bytes = abandoned ? ABANDONED_BYTES : incoming.url === '/large' ? LARGE_BYTES : 2_000;
  response.writeHead(abandoned ? 500 : 200).end(Buffer.alloc(bytes, 'x'));
});
origin.listen(0, '127.0.0.1');
await once(origin, 'listening');
const { port } = origin.address() as AddressInfo;
const vars = { UPSTREAM_URL: `http://127.0.0.1:${port}`, TTL_SECONDS, HOT_SECONDS, LEDGER_SHARDS: 4 };
const gateway = await startGateway({ vars, storage });

const samples: Sample[] = [];
const startedAt = performance.now();
const second = () => Math.round((performance.now() - startedAt) / 1000);
let sent = 0;
const clients = Array.from({ length: CLIENTS }, async () => {
  while (second() < SECONDS) {
    sent += 1;
    await ask(sent);
  }
});
while (second() < SECONDS) {
  await sleep(SAMPLE_EVERY_MS);
  samples.push(sample(second(), gateway.pid, storage));
}
await Promise.all(clients);
const deadline = performance.now() + SWEPT_WITHIN_MS;
let last = sample(second(), gateway.pid, storage);
while ((last.rows > 0 || running > 0) && performance.now() < deadline) {
  await sleep(1_000);
  last = sample(second(), gateway.pid, storage);
}
await gateway.stop();
origin.close();
await rm(storage, { recursive: true, force: true });

console.log('second  memory MiB  ledger MiB  rows   of them expired');
for (const { second: at, memoryMib, ledgerMib, rows, expiredRows } of [...samples, last]) {
  console.log(
    `${String(at).padStart(6)}  ${memoryMib.toFixed(0).padStart(10)}  ${ledgerMib.toFixed(1).padStart(10)}  ${String(rows).padEnd(6)} ${expiredRows}`,
  );
}
const verdicts: [string, boolean][] = [
  ['memory levels off', isLevel(samples.map(({ memoryMib }) => memoryMib))],
  ['the ledger’s databases level off', isLevel(samples.map(({ ledgerMib }) => ledgerMib))],
  ['alarms keep up with what expires', isLevel(samples.map(({ rows }) => rows))],
  ['nothing past its TTL remains', last.rows === 0],
  ['runs that nobody reads end', running === 0],
];
for (const [what, held] of verdicts) console.log(`${what.padEnd(34)}  ${held ? 'held' : 'BROKEN'}`);
console.log(`${sent} requests in ${SECONDS} s`);
process.exitCode = verdicts.every(([, held]) => held) ? 0 : 1;

function isLevel(values: readonly number[]): boolean {
  const third = Math.floor(values.length / 3);
  return Math.max(...values.slice(-third)) <= LEVEL * Math.max(...values.slice(third, -third));
}

/** One request under a new key. Resolves when it has its answer, or has left. */
function ask(n: number): Promise<void> {
  const abandoned = n % ABANDONED_EVERY === 0;
  return new Promise((resolve) => {
    const path = abandoned ? 'abandoned' : n % LARGE_EVERY === 0 ? 'large' : '';
    const sentRequest = request(`${gateway.url}/${path}`, {
      method: 'POST',
      headers: { 'idempotency-key': `soak-${n}`, 'accept-encoding': 'identity' },
    });
    sentRequest.on('response', (response) => {
      response.on('data', () => abandoned && sentRequest.destroy());
      response.on('error', () => {});
    });
    sentRequest.on('error', () => {});
    sentRequest.on('close', () => resolve());
    sentRequest.end('order');
  });
}
