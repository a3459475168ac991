import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { root } from './build.ts';
import { signal } from './server.ts';
import { standIn } from './stand-in.ts';

const ITEMS = 20;
const CONCURRENCY = 3;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'crash-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** A script that posts every item once, with a durable store, and says so at the end. */
function startScript(url: string): ChildProcess {
  const library = (file: string) => JSON.stringify(pathToFileURL(join(root, 'dist/client', file)).href);
  const script = `
    import { idempotentFetch, runBatch } from ${library('index.js')};
    import { SqliteStore } from ${library('sqlite.js')};
    const fetchOnce = idempotentFetch();
    const store = new SqliteStore(${JSON.stringify(join(directory, 'batch.db'))});
    const items = Array.from({ length: ${ITEMS} }, (_, index) => index);
    const { succeeded, replayed } = await runBatch(items, async (item, { key }) => {
      const headers = { 'idempotency-key': key };
      const response = await fetchOnce(${JSON.stringify(url)}, { method: 'POST', headers, body: String(item) });
      return response.text();
    }, { batchId: 'b', store, concurrency: ${CONCURRENCY} });
    console.log(JSON.stringify({ succeeded, replayed }));`;
  writeFileSync(join(directory, 'script.mjs'), script);
  return spawn(process.execPath, ['--no-warnings', join(directory, 'script.mjs')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

test('a script killed in mid-batch and run again asks for nothing on record and executes nothing twice', async () => {
  const halfWay = signal();
  let asked = 0;
  await using gateway = await standIn(async ({ body }) => {
    asked += 1;
    // From here on the first script gets no answers, so what it has recorded is all that it was told.
    if (asked === ITEMS / 2) halfWay.give();
    if (asked >= ITEMS / 2) await killed.given;
    return { chunks: [`did ${body}`] };
  });
  const killed = signal();

  const first = startScript(gateway.url);
  await halfWay.given;
  first.kill('SIGKILL');
  await once(first, 'exit');
  killed.give();

  const second = startScript(gateway.url);
  const output: Buffer[] = [];
  second.stdout?.on('data', (data: Buffer) => output.push(data));
  await once(second, 'exit');
  const { succeeded, replayed } = JSON.parse(Buffer.concat(output).toString());

  expect(succeeded).toBe(ITEMS);
  expect(gateway.executions.map(({ body }) => Number(body)).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: ITEMS }, (_, index) => index),
  );
  expect(replayed).toBeGreaterThanOrEqual(ITEMS / 2 - CONCURRENCY);
  // Asked for twice at most: what was under way when the script died.
  expect(gateway.requests.length - ITEMS).toBeLessThanOrEqual(CONCURRENCY);
});
