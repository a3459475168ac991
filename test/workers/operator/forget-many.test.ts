import { evictDurableObject, reset, runDurableObjectAlarm } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import * as v from 'valibot';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { compareNewestFirst, type ExecutionView, type ListQuery } from '../../../src/inspection.ts';
import { Listing } from '../../../src/ledger/store/listing.ts';
import { executionList, forgetManyAnswer } from '../../../src/operator/schemas.ts';
import { browse, cookieOf, FORM, formTokenIn, freshAddress, logIn, operator, post, TOKEN } from './gate.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});

afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await reset();
});

async function send(paths: readonly string[]): Promise<void> {
  for (const path of paths) await (await post(path, path)).arrayBuffer();
  // From now on no Worker replays anything without asking, and an operator waits for none.
  vi.setSystemTime(Date.now() + 3_000);
}

async function paths(): Promise<(string | null)[]> {
  const { executions } = v.parse(executionList, await (await operator('/executions')).json());
  return executions.map(({ path }) => path).sort();
}

function forget(query: string): Promise<Response> {
  return operator(`/executions?${query}`, { method: 'DELETE' });
}

test('all that match are forgotten if their number is said, on all routes, and what does not match stays', async () => {
  await send(['/bytes/1', '/bytes/2', '/count/x', '/refuse/bytes/3']);
  const response = await forget('method=POST&path=/bytes&count=2');
  expect(response.status).toBe(200);
  expect(v.parse(forgetManyAnswer, await response.json())).toEqual({
    forgotten: 2,
    left: 0,
    more: false,
    unanswered: [],
  });
  expect(await paths()).toEqual(['/count/x', '/refuse/bytes/3']);
  expect((await post('/bytes/1', '/bytes/1')).headers.get('idempotent-replayed')).toBeNull();
  expect((await env.RESULTS.list()).keys.length).toBeLessThanOrEqual(3);
});

test.each([
  [
    'path=/bytes&count=1',
    409,
    '2 match, and count is 1. Nothing was forgotten. At most 200 are forgotten at once.',
  ],
  ['path=/bytes', 400, 'count is missing.'],
  ['count=2', 400, 'Name what is to be forgotten, by a parameter at least: nothing here forgets everything.'],
  ['path=/bytes&count=all', 400, 'count must be a whole number.'],
])('with %s nothing is forgotten', async (query, status, detail) => {
  await send(['/bytes/1', '/bytes/2']);
  expect(await (await forget(query)).json()).toMatchObject({ status, detail });
  expect(await paths()).toHaveLength(2);
});

test('what runs does not count, and stays', async () => {
  await send(['/bytes/1']);
  const running = post('/slow/x', 'running');
  await expect.poll(paths).toEqual(['/bytes/1', '/slow/x']);
  expect(await (await forget('method=POST&count=1')).json()).toMatchObject({ forgotten: 1, left: 0 });
  expect(await (await running).json()).toMatchObject({ run: expect.any(Number) });
});

/** Has so many run in one object that are newer than all that it has; each look at them takes so long. */
function crowd(running: number, msOfALook = 0): void {
  const { list } = Listing.prototype;
  vi.spyOn(Listing.prototype, 'list').mockImplementation(function (this: Listing, query: ListQuery) {
    vi.setSystemTime(Date.now() + msOfALook);
    const { executions } = list.call(this, { ...query, after: null });
    const run = Array.from({ length: executions.length === 0 ? 0 : running }, (_, n): ExecutionView[] =>
      executions.slice(0, 1).map((view) => ({
        ...view,
        state: 'running',
        id: `R${n}`.padEnd(43, 'x'),
        receivedAt: view.receivedAt + 1,
      })),
    );
    const all = [...run.flat(), ...executions].sort(compareNewestFirst);
    const { after, limit } = query;
    const rest = all.filter((view) => after === null || compareNewestFirst(after, view) < 0);
    const part = rest.slice(0, limit);
    return { executions: part, lookedTo: (rest.length > limit && part.at(-1)) || null };
  });
}

test('what has ended is found behind hundreds that run', async () => {
  await send(['/bytes/1', '/bytes/2']);
  crowd(250);
  const { html } = await openForm('path=/bytes');
  expect(html).toContain('2 executions');
  expect(await (await forget('path=/bytes&count=2')).json()).toMatchObject({
    forgotten: 2,
    left: 0,
    more: false,
  });
});

test('where it takes too long to find any, it is told how to narrow it, and not that there is none', async () => {
  await send(['/bytes/1']);
  crowd(250, 20_000);
  const { html } = await openForm('path=/bytes');
  expect(html).toContain('narrow the list by time');
  expect(html).not.toContain('Nothing matches');
  expect(await (await forget('path=/bytes&count=1')).json()).toMatchObject({
    status: 409,
    detail: expect.stringContaining('Narrow it by time'),
  });
});

test('with RESULTS out of reach, what is there stays and is told', async () => {
  await send(['/bytes/1', '/bytes/2']);
  await vi.waitFor(async () => expect((await env.RESULTS.list()).keys).toHaveLength(2));
  vi.spyOn(console, 'warn').mockImplementation(() => {});
  vi.spyOn(Object.getPrototypeOf(env.RESULTS), 'delete').mockRejectedValue(new Error('KV is down'));
  expect(await (await forget('path=/bytes&count=2')).json()).toMatchObject({ forgotten: 0, left: 2 });
  expect(await paths()).toHaveLength(2);
});

/** The console's page of what would be forgotten, as a logged-in operator sees it. */
async function openForm(query: string) {
  const cookie = cookieOf(await logIn(TOKEN, freshAddress()));
  const html = await (await browse(`/console/forget?${query}`, { headers: { cookie } })).text();
  const hidden = [...html.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g)];
  const fields = Object.fromEntries(hidden.map(([, name = '', value = '']) => [name, value]));
  const submit = (count: string, more: Record<string, string> = {}, origin: string = FORM.origin) =>
    browse('/console/forget', {
      method: 'POST',
      headers: { ...FORM, cookie, origin },
      body: new URLSearchParams({ ...fields, form_token: formTokenIn(html), count, ...more }).toString(),
    });
  return { html, submit };
}

test('the console asks for the number, and forgets nothing with another one', async () => {
  await send(['/bytes/1', '/bytes/2', '/count/x']);
  const { html, submit } = await openForm('path=/bytes');
  expect(html).toContain('2 executions');
  const wrong = await submit('3');
  expect(wrong.status).toBe(409);
  expect(await wrong.text()).toContain('2 match, and not 3');
  expect(await paths()).toHaveLength(3);
  const right = await submit('2');
  expect(await right.text()).toContain('2 are forgotten');
  expect(await paths()).toEqual(['/count/x']);
});

test('what comes after the page was opened is neither counted nor forgotten', async () => {
  await send(['/bytes/1']);
  const { submit } = await openForm('path=/bytes');
  vi.setSystemTime(Date.now() + 1_000);
  await send(['/bytes/2']);
  expect(await (await submit('1')).text()).toContain('1 is forgotten');
  expect(await paths()).toEqual(['/bytes/2']);
});

test('no other page can have many forgotten in the operator’s name', async () => {
  await send(['/bytes/1']);
  const { submit } = await openForm('path=/bytes');
  expect((await submit('1', { form_token: 'wrong' })).status).toBe(403);
  expect((await submit('1', {}, 'https://evil.example')).status).toBe(403);
  expect(await paths()).toHaveLength(1);
});

test('the page without anything to narrow to forgets nothing', async () => {
  await send(['/bytes/1']);
  expect((await operator('/console/forget')).status).toBe(400);
});

test('an object put away and back forgets what an earlier life of it has recorded', async () => {
  await send(['/bytes/1']);
  await runDurableObjectAlarm(env.LEDGER.getByName('/*:0'));
  await evictDurableObject(env.LEDGER.getByName('/*:0'));
  vi.setSystemTime(Date.now() + 3_000);
  expect(await (await forget('path=/bytes&count=1')).json()).toMatchObject({ forgotten: 1 });
});
