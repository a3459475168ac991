import { exports } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { parseConfig } from '../../../src/config.ts';
import { gatewayOf } from '../../../src/gateway.ts';
import { freshAddress, GATE, TOKEN } from './gate.ts';

const CONSOLE = ['/', '/console/executions', '/console/configuration', '/console/no-such-page'];
const API = ['/executions', `/executions/${'a'.repeat(43)}`, '/metrics', '/openapi.json', '/no-such-path'];

function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return exports.default.fetch(`${GATE}/_oncegate${path}`, { headers: { ...freshAddress(), ...headers } });
}

test.each(API)('the API’s %s is closed to who has no token', async (path) => {
  const response = await get(path);
  expect(response.status).toBe(401);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
});

test.each(CONSOLE)('the console’s %s asks who has no login for the token', async (path) => {
  const response = await get(path);
  expect(response.status).toBe(401);
  expect(await response.text()).toMatch(/<form method="post" action="\/_oncegate\/login">/);
});

test.each([...API, ...CONSOLE, '/login'])('%s never asks a browser for Basic credentials', async (path) => {
  for (const authorization of [undefined, 'Bearer wrong', `Basic ${btoa('operator:wrong')}`]) {
    const response = await get(path, authorization === undefined ? {} : { authorization });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="Oncegate"');
  }
});

test.each([
  ['another token', 'Bearer another-admin-token'],
  ['another token of the same length', `Bearer ${TOKEN.slice(0, -1)}x`],
  ['a part of the token', `Bearer ${TOKEN.slice(0, -1)}`],
  ['the token and more', `Bearer ${TOKEN}x`],
  ['the token as the user name', `Basic ${btoa(`${TOKEN}:`)}`],
  ['no credentials at all', 'Bearer'],
  ['Basic credentials that are no base64', 'Basic ???'],
])('%s is refused', async (_, authorization) => {
  expect((await get('/executions', { authorization })).status).toBe(401);
  expect((await get('/', { authorization })).status).toBe(401);
});

test.each([
  ['Bearer', `Bearer ${TOKEN}`],
  ['bearer in another case', `bearer ${TOKEN}`],
  ['Basic with any user name', `Basic ${btoa(`somebody:${TOKEN}`)}`],
  ['Basic with no user name', `Basic ${btoa(`:${TOKEN}`)}`],
])('the API takes the token as %s', async (_, authorization) => {
  expect((await get('/executions', { authorization })).status).toBe(200);
});

test('the console takes the token as Bearer, and not as Basic, which a browser may send by itself', async () => {
  expect((await get('/', { authorization: `Bearer ${TOKEN}` })).status).toBe(200);
  expect((await get('/', { authorization: `Basic ${btoa(`x:${TOKEN}`)}` })).status).toBe(401);
});

test('health, the problem pages and what the login page needs are public', async () => {
  for (const path of ['/health', '/problems/key-reused', '/console/console.css', '/console/icon.svg']) {
    expect((await get(path)).status).toBe(200);
  }
});

test.each(['/executions', '/metrics', '/openapi.json', '/', '/login', '/executions/none'])(
  'what %s answers is taken for what it says it is, and for nothing else',
  async (path) => {
    for (const authorization of ['Bearer wrong', `Bearer ${TOKEN}`]) {
      const response = await get(path, { authorization });
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      expect(response.headers.get('x-frame-options')).toBe('DENY');
      expect(response.headers.get('cross-origin-opener-policy')).toBe('same-origin');
    }
  },
);

const bindings = { LEDGER: { getByName() {}, idFromName: String }, RESULTS: { getWithMetadata() {} } };

function ask(url: string, env: object): Promise<Response> {
  return Promise.resolve(gatewayOf(env).fetch(new Request(url), env));
}

test.each([...API, ...CONSOLE, '/login'])('without ADMIN_TOKEN there is no %s', async (path) => {
  const response = await ask(`${GATE}/_oncegate${path}`, {
    ...bindings,
    UPSTREAM_URL: 'https://api.example',
  });
  expect(response.status).toBe(404);
  expect(await response.text()).not.toContain('ADMIN_TOKEN');
});

test.each(['localhost:8787', '127.0.0.1:8787', '[::1]:8787', 'gate.localhost'])(
  'on %s, without ADMIN_TOKEN, the 404 says how to set it',
  async (host) => {
    const response = await ask(`http://${host}/_oncegate/`, {
      ...bindings,
      UPSTREAM_URL: 'https://api.example',
    });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({
      detail: expect.stringMatching(/ADMIN_TOKEN is not set.*\.dev\.vars/),
    });
  },
);

test('a blank ADMIN_TOKEN is none', () => {
  const result = parseConfig({ ...bindings, UPSTREAM_URL: 'https://api.example', ADMIN_TOKEN: '' });
  expect(result).toMatchObject({ ok: true, config: { adminToken: null } });
});

test('a short ADMIN_TOKEN is a bad setting, and is not repeated', () => {
  const result = parseConfig({
    ...bindings,
    UPSTREAM_URL: 'https://api.example',
    ADMIN_TOKEN: 'short-secret',
  });
  expect(result).toMatchObject({ ok: false, bad: [{ setting: 'ADMIN_TOKEN' }] });
  expect(JSON.stringify(result)).not.toContain('short-secret');
});
