import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { root } from '../build.ts';
import { drop, type Handler, ok, problem, serve, status, steps } from '../server.ts';
import { standIn } from '../stand-in.ts';

/** Posts one order by the recipe, and says what came of it. It writes its waits down instead of waiting. */
const SCRIPT = `
import sys
from recipe import *

waits = []
time.sleep = waits.append
try:
    status, headers, body = post_once(sys.argv[1], b"book", "order-1", {"X-Note": "n"})
    print(json.dumps({"status": status, "body": body.decode(), "waits": waits}))
except Exception as error:
    print(json.dumps({"error": type(error).__name__, "waits": waits}))
`;

interface Outcome {
  readonly status?: number;
  readonly body?: string;
  readonly error?: string;
  /** In seconds. */
  readonly waits: readonly number[];
}

// Without Python these are skipped, and say so; in CI, where there has to be one, they fail.
const skipped = spawnSync('python3', ['--version']).status !== 0 && process.env.CI !== 'true';
// Not by the console, which the runner keeps to itself unless a test fails.
if (skipped) process.stderr.write('SKIPPED: the Python recipe, as no python3 was found.\n');

describe.skipIf(skipped)('the Python recipe', () => {
  let directory: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'python-'));
    const [, recipe = ''] =
      /^```python\n(.*?)^```/ms.exec(readFileSync(join(root, 'docs/client.md'), 'utf8')) ?? [];
    writeFileSync(join(directory, 'recipe.py'), recipe);
    writeFileSync(join(directory, 'script.py'), SCRIPT);
  });
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  async function run(url: string): Promise<Outcome> {
    const { stdout } = await promisify(execFile)('python3', ['-B', join(directory, 'script.py'), url]);
    return JSON.parse(stdout);
  }

  test.each([
    ['a lost response', 0],
    ['a response lost half way', 5],
  ])('%s is asked for again under the same key, and the order runs once', async (_name, cut) => {
    const answer = 'order 1 of one book';
    const headers = { 'content-length': String(answer.length) };
    await using gateway = await standIn(() => ({ status: 201, headers, chunks: [answer] }), {
      cut: (connection) => (connection === 1 ? cut : undefined),
    });
    expect(await run(gateway.url)).toMatchObject({ status: 201, body: answer });
    expect(gateway.keys()).toEqual(['order-1', 'order-1']);
    expect(gateway.executions.map(({ body }) => body.toString())).toEqual(['book']);
    expect(gateway.executions[0]?.headers['x-note']).toBe('n');
  });

  test('what is worth a retry is retried, after the time that the server asks for', async () => {
    await using server = await serve(
      steps(
        drop,
        status(503, { 'retry-after': '7' }),
        problem('in-progress', 409, { 'retry-after': '1' }),
        ok,
      ),
    );
    const { body, waits } = await run(server.url);
    expect([body, server.requests.length, waits.length]).toEqual(['done', 4, 3]);
    expect(waits[1]).toBe(7);
    expect(waits[2]).toBeGreaterThanOrEqual(1);
  });

  test.each<[string, Handler, number]>([
    ['a refusal', problem('key-reused', 422), 422],
    ['a conflict', problem('outcome-unknown', 409), 409],
    ['a conflict of the API’s own', status(409), 409],
    ['what the server calls final', status(503, { 'x-should-retry': 'false' }), 503],
    ['a server that asks for an hour', status(429, { 'retry-after': '3600' }), 429],
  ])('%s is an answer', async (_name, handler, code) => {
    await using server = await serve(steps(handler, ok));
    expect(await run(server.url)).toMatchObject({ status: code, waits: [] });
    expect(server.requests).toHaveLength(1);
  });

  test('the key is taken nowhere else', async () => {
    await using other = await serve(ok);
    await using server = await serve(
      steps(status(307, { location: other.url }), status(302, { location: other.url })),
    );
    expect([(await run(server.url)).status, (await run(server.url)).status]).toEqual([307, 302]);
    expect(other.requests).toEqual([]);
  });

  test('the last answer, or the last error, is what comes of retries that are used up', async () => {
    await using failing = await serve(status(503));
    expect(await run(failing.url)).toMatchObject({ status: 503, body: 'status 503' });
    await using gone = await serve(drop);
    expect(await run(gone.url)).toMatchObject({ error: 'RemoteDisconnected' });
    expect([failing.requests.length, gone.requests.length]).toEqual([5, 5]);
  });
});
