import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { oncegate, TOKEN } from './run.ts';

/** Clears the screen, retitles the window, begins a line, turns the writing round, and more of the kind. */
const EVIL = '\u001b[2J\u001b]0;owned\u0007\r\nall is well\u007f\u009b31m\u202egnp.exe\u2028\u200b\ufeff';
const RAW = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const ID = 'A'.repeat(43);

const EXECUTION = {
  id: ID,
  route: `/*${EVIL}`,
  shard: 0,
  caller: `3f9a${EVIL}`,
  method: `POST${EVIL}`,
  path: `/x${EVIL}`,
  traceId: `0af7${EVIL}`,
  state: 'completed',
  cause: null,
  place: 'ledger',
  status: 200,
  bytes: 1,
  receivedAt: '2026-11-01T00:00:00.000Z',
  sentAt: null,
  headAt: null,
  recordedAt: null,
  archivedAt: null,
  expiresAt: '2026-11-02T00:00:00.000Z',
  lastRepeatAt: null,
  replays: 0,
  joins: 0,
  refusals: {
    'key-reused': 0,
    'in-progress': 0,
    'outcome-unknown': 0,
    'not-recorded': 0,
    'record-damaged': 0,
  },
};
const LIST = { executions: [EXECUTION], next: EVIL, unanswered: [{ route: EVIL, shard: 0 }] };

let answer: (request: IncomingMessage, response: ServerResponse) => void;
let requests: IncomingMessage[] = [];
const server = createServer((request, response) => {
  requests.push(request);
  answer(request, response);
});
let url: string;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
});
afterEach(() => {
  requests = [];
});

const operator = () => ({ ONCEGATE_URL: url, ONCEGATE_ADMIN_TOKEN: TOKEN });

function gives(status: number, body: unknown, headers: Record<string, string> = {}) {
  answer = (request, response) => {
    const one = /executions\/./.test(request.url ?? '') && status === 200;
    response.writeHead(status, { vary: 'Accept-Encoding, Oncegate-Key', ...headers });
    response.end(JSON.stringify(one ? { ...EXECUTION, timeline: [] } : body));
  };
}

function problem(status: number) {
  gives(status, { type: 'about:blank', title: EVIL, status, detail: `It is so.${EVIL}` });
}

test.each([[['executions']], [['show', 'key']], [['show', '--id', ID]]])(
  'what a gateway answers to %j does nothing to the terminal',
  async (args) => {
    gives(200, LIST);
    const { code, out, err } = await oncegate(args, operator());
    expect(code).toBe(0);
    for (const text of [...out.split('\n'), ...err.split('\n')]) expect(text).not.toMatch(RAW);
    expect(out).toContain('\\u001b[2J');
    expect(out).not.toMatch(/^all is well/m);
  },
);

test('as JSON it is still the same value, with nothing in it that a terminal acts on', async () => {
  gives(200, LIST);
  const { out } = await oncegate(['executions', '--json'], operator());
  for (const text of out.split('\n')) expect(text).not.toMatch(RAW);
  expect(JSON.parse(out)).toEqual(LIST);
});

test.each([
  [400, ['executions'], 2],
  [500, ['executions'], 3],
  [400, ['show', '--id', ID], 2],
  [409, ['forget', ID], 1],
  [503, ['forget', ID], 3],
])('the detail of a %d for %j is printed as one line', async (status, args, code) => {
  problem(status);
  const ended = await oncegate(args, operator());
  expect(ended.code).toBe(code);
  expect(ended.err).toContain('It is so.\\u001b[2J');
  expect(ended.err).not.toMatch(RAW);
});

test.each([301, 302, 303, 307, 308])('a %d is not followed, and says where it leads', async (status) => {
  const elsewhere = createServer((request, response) => {
    requests.push(request);
    response.end();
  });
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
  const other = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
  gives(status, {}, { location: `${other}/login` });
  const args = ['executions', '--header', 'CF-Access-Client-Secret: secret'];
  const { code, err } = await oncegate(args, operator());
  elsewhere.close();
  expect(code).toBe(3);
  expect(err).toContain(`sends on to ${other}, and was not followed`);
  expect(requests).toHaveLength(1);
});

test('a key is sent in a field, and in no address', async () => {
  gives(200, LIST);
  for (const args of [
    ['show', 'order-1'],
    ['executions', '--key', 'order-1', '--state', 'completed'],
  ]) {
    requests = [];
    expect((await oncegate(args, operator())).code).toBe(0);
    expect(requests[0]?.headers['oncegate-key']).toBe('order-1');
    for (const request of requests) expect(request.url).not.toContain('order-1');
  }
});

test('an answer that did not look for the key is not taken for what was found', async () => {
  gives(200, LIST, { vary: 'Accept-Encoding' });
  const { code, out, err } = await oncegate(['show', 'order-1'], operator());
  expect(code).toBe(3);
  expect(out).toBe('');
  expect(err).toContain('did not look for the key');
});

test.each([
  ['no JSON', 'not JSON'],
  ['JSON of another kind', { executions: 'many' }],
  ['an execution of another kind', { ...LIST, executions: [{ ...EXECUTION, state: EVIL }] }],
])('%s is told in words, not in those of a library', async (_, body) => {
  gives(200, body);
  const { code, err } = await oncegate(['executions'], operator());
  expect(code).toBe(3);
  expect(err).toBe('The gateway’s answer is not understood. Is it of another version?');
});

test('a dead port is told as that, by every command', async () => {
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, resolve));
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  const dead = `http://localhost:${port}`;
  for (const args of [['executions'], ['show', 'key'], ['forget', ID], ['tail']]) {
    const { code, err } = await oncegate([...args, '--url', dead], operator());
    expect(code).toBe(3);
    expect(err).toBe(`${dead} cannot be reached: nothing answers there (ECONNREFUSED).`);
  }
  for (const json of [[], ['--json']]) {
    const { code, out, err } = await oncegate(['bench', `${dead}/x`, '--requests', '200', ...json]);
    expect(code).toBe(3);
    expect(err).toContain(`${dead} cannot be reached: nothing answers there (ECONNREFUSED).`);
    expect(out).toBe('');
  }
});

test('bench sends nothing on to where a gateway redirects', async () => {
  gives(307, {}, { location: `${url}/elsewhere` });
  const { code, err } = await oncegate(['bench', `${url}/x`, '--requests', '3']);
  expect(code).toBe(1);
  expect(err).toContain('first: 3 × status 307');
  expect(requests.map((request) => request.url)).toEqual(Array(6).fill('/x'));
});

test('bench counts what has broken off as failed, and only what succeeded as throughput', async () => {
  let count = 0;
  answer = (_, response) => {
    count += 1;
    if (count % 2 === 0) response.destroy();
    else response.end('done');
  };
  const args = ['bench', `${url}/x`, '--requests', '10', '--connections', '1', '--json'];
  const { code, out, err } = await oncegate(args);
  expect(code).toBe(1);
  expect(err).toMatch(/first: 5 × the connection broke/);
  expect(JSON.parse(out)).toMatchObject({ rounds: [{ requests: 10, failed: 5 }, { failed: 5 }] });
});

test.each([200, 404, 503])('an answer of %i that never ends is given up', async (status) => {
  answer = (_, response) => {
    response.writeHead(status, { vary: 'Oncegate-Key', 'content-type': 'application/problem+json' });
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
    };
    response.on('drain', more);
    more();
  };
  expect((await oncegate(['executions'], operator())).code).not.toBe(0);
});

test('forget counts what has ended on all pages, where the first of them has only what runs', async () => {
  answer = (request, response) => {
    const isFirst = !request.url?.includes('cursor=');
    const executions = [{ ...EXECUTION, state: isFirst ? 'running' : 'completed' }];
    response.writeHead(200).end(JSON.stringify({ executions, next: isFirst ? 'B' : null, unanswered: [] }));
  };
  const asked = await oncegate(['forget', '--path', '/bytes'], operator());
  expect(asked).toMatchObject({ code: 1, err: expect.stringContaining('--count 1') });
});
