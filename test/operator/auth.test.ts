import { exports } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { gatewayOf } from '../../src/gateway.ts';
import { GATE, TOKEN } from './gate.ts';

const PROTECTED = [
  '/',
  '/executions',
  `/executions/${'a'.repeat(43)}`,
  '/metrics',
  '/openapi.json',
  '/console/executions',
  '/console/configuration',
  '/console/console.css',
];

function get(path: string, authorization?: string): Promise<Response> {
  return exports.default.fetch(`${GATE}/_oncegate${path}`, {
    headers: authorization === undefined ? {} : { authorization },
  });
}

test.each(PROTECTED)('%s is closed to who has no token', async (path) => {
  const response = await get(path);
  expect(response.status).toBe(401);
  expect(response.headers.get('www-authenticate')).toContain('Basic realm="Oncegate"');
  expect(response.headers.get('www-authenticate')).toContain('Bearer');
});

test.each([
  ['another token', 'Bearer another-admin-token'],
  ['a part of the token', `Bearer ${TOKEN.slice(0, -1)}`],
  ['the token and more', `Bearer ${TOKEN}x`],
  ['the token as the user name', `Basic ${btoa(`${TOKEN}:`)}`],
  ['no credentials at all', 'Bearer'],
  ['Basic credentials that are no base64', 'Basic ???'],
])('%s is refused', async (_, authorization) => {
  expect((await get('/executions', authorization)).status).toBe(401);
});

test.each([
  ['Bearer', `Bearer ${TOKEN}`],
  ['bearer in another case', `bearer ${TOKEN}`],
  ['Basic with any user name', `Basic ${btoa(`somebody:${TOKEN}`)}`],
  ['Basic with no user name', `Basic ${btoa(`:${TOKEN}`)}`],
])('the token is taken as %s', async (_, authorization) => {
  expect((await get('/executions', authorization)).status).toBe(200);
});

test('health and the problem pages are public', async () => {
  expect((await get('/health')).status).toBe(200);
  expect((await get('/problems/key-reused')).status).toBe(200);
});

const bindings = { LEDGER: { getByName() {} }, RESULTS: { getWithMetadata() {} } };

test.each(PROTECTED)('without ADMIN_TOKEN there is no %s', async (path) => {
  const env = { ...bindings, UPSTREAM_URL: 'https://api.example' };
  const response = await gatewayOf(env).fetch(new Request(`${GATE}/_oncegate${path}`), env);
  expect(response.status).toBe(404);
});

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
