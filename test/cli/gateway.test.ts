import { once } from 'node:events';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startGateway } from '../e2e/harness/gateway.ts';
import { type Origin, startOrigin } from '../e2e/harness/origin.ts';
import type { RunningScript } from '../e2e/harness/process.ts';
import { freshGate, freshKey, post } from '../e2e/harness/request.ts';
import { collect, oncegate, start, TOKEN } from './run.ts';

let origin: Origin;
let gateway: RunningScript;

beforeAll(async () => {
  origin = await startOrigin();
  gateway = await startGateway({
    faulty: true,
    vars: { UPSTREAM_URL: origin.url, ADMIN_TOKEN: TOKEN, LEDGER_SHARDS: '2' },
  });
});

afterAll(async () => {
  await gateway?.stop();
  await origin?.stop();
});

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

test('tail prints an execution when it begins and when it changes', async () => {
  const child = start(['tail', '--json', '--interval', '1'], operator());
  const lines = collect(child.stdout);
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
  expect((await oncegate(['bench', `${gateway.url}/status/500`, '--requests', '2'])).code).toBe(1);
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
