import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { expect, test, vi } from 'vitest';
import { freshGate, freshKey, post } from '../harness/request.ts';
import { useGateway, useOrigin } from '../harness/use.ts';
import { collect, oncegate, start, TOKEN } from './run.ts';

const origin = useOrigin();
const gateway = useGateway(() => ({
  faulty: true,
  vars: { UPSTREAM_URL: origin.url, ADMIN_TOKEN: TOKEN, LEDGER_SHARDS: '2' },
}));

const operator = () => ({ ONCEGATE_URL: gateway.url, ONCEGATE_ADMIN_TOKEN: TOKEN });

test('show tells what happened to a key, for people and for programs', async () => {
  const key = freshKey();
  for (let n = 0; n < 3; n += 1) await (await post(`${gateway.url}/count`, key)).text();
  const show = () => oncegate(['show', key], operator());
  // What is replayed in a row is counted two seconds later.
  await expect
    .poll(show, { timeout: 30_000 })
    .toMatchObject({ code: 0, out: expect.stringContaining('2 replayed, 0 joined') });
  expect((await show()).out).toContain('completed, route /*');
  const programs = await oncegate(['show', key, '--json'], operator());
  expect(JSON.parse(programs.out)).toMatchObject([{ state: 'completed', status: 200, replays: 2 }]);
});

test('show of a key that is not known says so, with exit code 1', async () => {
  const { code, err } = await oncegate(['show', freshKey()], operator());
  expect(code).toBe(1);
  expect(err).toContain('No execution is known');
});

test('forget lets the next request run', async () => {
  const key = freshKey();
  await (await post(`${gateway.url}/count`, key)).text();
  const { out } = await oncegate(['show', key, '--json'], operator());
  const [{ id }]: [{ id: string }] = JSON.parse(out);
  expect((await oncegate(['forget', id], operator())).code).toBe(0);
  expect(await (await post(`${gateway.url}/count`, key)).json()).toEqual({ run: 2 });
});

test('an id that begins with a dash is an id', async () => {
  const unknown = `-${'A'.repeat(42)}`;
  for (const command of [['forget'], ['forget', '--'], ['show', '--id'], ['show', '--id', '--']]) {
    const { code, err } = await oncegate([...command, unknown], operator());
    expect(code).toBe(1);
    expect(err).not.toContain('option');
  }
});

test('what runs is not forgotten, with exit code 1', async () => {
  const key = freshKey();
  const gate = freshGate();
  const running = post(`${gateway.url}/held/${gate}`, key);
  await origin.arrived(gate);
  const { out } = await oncegate(['show', key, '--json'], operator());
  const [{ id, state }]: [{ id: string; state: string }] = JSON.parse(out);
  expect(state).toBe('running');
  const refused = await oncegate(['forget', id], operator());
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('It is running') });
  await origin.open(gate);
  await (await running).text();
});

test('executions are listed page by page', async () => {
  for (let n = 0; n < 3; n += 1) await (await post(`${gateway.url}/count`, freshKey())).text();
  const first = await oncegate(['executions', '--limit', '2'], operator());
  expect(first.out.split('\n')).toHaveLength(3);
  const [, cursor = ''] = /--cursor (\S+)/.exec(first.err) ?? [];
  const second = await oncegate(['executions', '--limit', '2', '--cursor', cursor, '--json'], operator());
  expect(JSON.parse(second.out)).toMatchObject({ executions: expect.any(Array), unanswered: [] });
  expect((await oncegate(['executions', '--state', 'lost'], operator())).code).toBe(2);
});

test('executions are narrowed by what they have in common, and failures are listed', async () => {
  const path = `/status/404/${freshKey()}`;
  await (await post(`${gateway.url}/bytes/7`, freshKey())).text();
  await (await post(`${gateway.url}${path}`, 'a-failed-one')).text();
  const narrowed = await oncegate(['executions', '--path', '/bytes/7', '--method', 'POST'], operator());
  expect(narrowed.out.split('\n')).toHaveLength(2);
  expect(narrowed.out).toContain('POST /bytes/7');
  expect((await oncegate(['executions', '--path', 'bytes'], operator())).code).toBe(2);

  const failures = await oncegate(['failures', '--key', 'a-failed-one'], operator());
  expect(failures).toMatchObject({ code: 0, out: expect.stringContaining(`POST ${path}`) });
  expect(failures.out).toMatch(/ 404 +counts as a failure/);
  const none = await oncegate(['failures', '--key', freshKey()], operator());
  expect(none).toMatchObject({ code: 0, out: 'No run has failed lately.' });
});

test('forget of many says how many there are, and goes on only with their number', async () => {
  for (let n = 0; n < 2; n += 1) await (await post(`${gateway.url}/bytes/9`, freshKey())).text();
  const asked = await oncegate(['forget', '--path', '/bytes/9'], operator());
  expect(asked).toMatchObject({ code: 1, err: expect.stringContaining('2 match') });
  const wrong = await oncegate(['forget', '--path', '/bytes/9', '--count', '3'], operator());
  expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining('Nothing was forgotten') });
  const done = await oncegate(['forget', '--path', '/bytes/9', '--count', '2'], operator());
  expect(done).toMatchObject({ code: 0, out: expect.stringContaining('2 are forgotten') });
  expect((await oncegate(['forget', '--count', '2'], operator())).code).toBe(2);
  expect((await oncegate(['forget', 'A'.repeat(43), '--path', '/x'], operator())).code).toBe(2);
});

test('tail prints an execution when it begins and when it changes', async () => {
  const child = start(['tail', '--json', '--interval', '1'], operator());
  const lines = collect(child.stdout);
  await readyToTail(child);
  const gate = freshGate();
  const running = post(`${gateway.url}/held/${gate}`, freshKey());
  await origin.arrived(gate);
  const states = () => lines.map((line): string => JSON.parse(line).state);
  await vi.waitFor(() => expect(states()).toContain('running'), { timeout: 20_000 });
  const id: string = lines.map((line) => JSON.parse(line)).find(({ state }) => state === 'running').id;
  await origin.open(gate);
  await (await running).text();
  const ofIt = () => lines.map((line) => JSON.parse(line)).filter((execution) => execution.id === id);
  await vi.waitFor(() => expect(ofIt().at(-1)).toMatchObject({ state: 'completed' }), { timeout: 20_000 });
  child.kill('SIGINT');
  expect((await once(child, 'exit'))[0]).toBe(0);
});

test('tail begins with what is new, and shows what was before only as far as it is asked for', async () => {
  const before = [freshKey(), freshKey()];
  for (const key of before) await (await post(`${gateway.url}/count`, key)).text();
  const child = start(['tail', '--json', '--interval', '1'], operator());
  const withLast = start(['tail', '--json', '--interval', '1', '--last', '1'], operator());
  const lines = collect(child.stdout);
  const linesWithLast = collect(withLast.stdout);
  await Promise.all([readyToTail(child), readyToTail(withLast)]);
  const after = freshKey();
  await (await post(`${gateway.url}/count`, after)).text();
  const ids = await Promise.all(
    [...before, after].map(async (key) => {
      const { out } = await oncegate(['show', key, '--json'], operator());
      const [{ id }]: [{ id: string }] = JSON.parse(out);
      return id;
    }),
  );
  // One may be seen while it runs, and again when it is done.
  const idsOf = (printed: readonly string[]) => [
    ...new Set(printed.map((line): string => JSON.parse(line).id)),
  ];
  await vi.waitFor(
    () => {
      expect(idsOf(lines)).toEqual([ids[2]]);
      expect(idsOf(linesWithLast)).toEqual([ids[1], ids[2]]);
    },
    { timeout: 20_000 },
  );
  for (const process of [child, withLast]) {
    process.kill('SIGINT');
    expect((await once(process, 'exit'))[0]).toBe(0);
  }
});

/** Until it has looked for the first time. */
async function readyToTail(child: ChildProcess): Promise<void> {
  const notes = collect(child.stderr);
  await vi.waitFor(() => expect(notes.join()).toContain('From now on'), { timeout: 20_000 });
}

test('bench measures a first round that runs and a second that is replayed', async () => {
  const args = ['bench', `${gateway.url}/count`, '--requests', '40', '--connections', '4', '--json'];
  const { code, out, err } = await oncegate(args);
  expect(err).toContain('run upstream');
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    rounds: [
      { name: 'first', requests: 40, failed: 0, replayed: 0 },
      { name: 'again', requests: 40, failed: 0, replayed: 40 },
    ],
  });
});

test('a round of bench in which nothing succeeds has no throughput', async () => {
  const args = ['bench', `${gateway.url}/status/500`, '--requests', '2'];
  const people = await oncegate(args);
  expect(people).toMatchObject({ code: 1, err: expect.stringContaining('first: 2 × status 500') });
  expect(people.out).toMatch(/^first +2 +2 +0 +- +- +- +-$/m);
  const programs = await oncegate([...args, '--json']);
  expect(JSON.parse(programs.out).rounds[0]).toMatchObject({
    failed: 2,
    failures: { 'status 500': 2 },
    requestsPerSecond: null,
    p50Ms: null,
  });
});

test.each([
  ['a wrong token', { ONCEGATE_ADMIN_TOKEN: 'another-admin-token' }, 4],
  ['no token', { ONCEGATE_ADMIN_TOKEN: '' }, 4],
  ['a gateway that is not there', { ONCEGATE_URL: 'http://127.0.0.1:9' }, 3],
])('%s has an exit code of its own', async (_, env, code) => {
  expect((await oncegate(['executions'], { ...operator(), ...env })).code).toBe(code);
});

test('what is no gateway is not taken for one', async () => {
  expect((await oncegate(['executions', '--url', origin.url], operator())).code).toBe(4);
});

test('a ledger out of reach is told, and is not taken for «not known»', async () => {
  await fetch(`${gateway.url}/_fault/ledger`, { method: 'POST' });
  try {
    const { code, err } = await oncegate(['show', 'some-key'], operator());
    expect(code).toBe(3);
    expect(err).toContain('/*:0');
  } finally {
    await fetch(`${gateway.url}/_fault/ledger`, { method: 'DELETE' });
  }
});
