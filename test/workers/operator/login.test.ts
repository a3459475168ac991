import { reset } from 'cloudflare:test';
import { afterEach, expect, test, vi } from 'vitest';
import { Logins } from '../../../src/operator/login.ts';
import { browse, cookieOf, FORM, formTokenIn, freshAddress, logIn, operator, post, TOKEN } from './gate.ts';

afterEach(async () => {
  vi.useRealTimers();
  await reset();
});

async function loggedIn(): Promise<{ cookie: string; formToken: string }> {
  const cookie = cookieOf(await logIn(TOKEN));
  const page = await browse('/', { headers: { cookie } });
  expect(page.status).toBe(200);
  return { cookie, formToken: formTokenIn(await page.text()) };
}

async function executionId(): Promise<string> {
  await (await post('/count/x', 'key')).text();
  const list: { executions: { id: string }[] } = await (await operator('/executions?key=key')).json();
  return list.executions[0]?.id ?? '';
}

function forget(id: string, headers: Record<string, string>, formToken: string | null): Promise<Response> {
  return browse(`/console/executions/${id}/forget`, {
    method: 'POST',
    headers: { ...FORM, ...headers },
    body: formToken === null ? '' : new URLSearchParams({ form_token: formToken }).toString(),
  });
}

test('the token opens the console by a cookie that is for it alone, and for a working day', async () => {
  const response = await logIn(TOKEN, {}, '/_oncegate/console/executions?state=running');
  expect(response.status).toBe(303);
  expect(response.headers.get('location')).toBe('/_oncegate/console/executions?state=running');
  expect(response.headers.get('set-cookie')).toMatch(
    /^oncegate-login=[\w.-]+; Max-Age=28800; Path=\/_oncegate; HttpOnly; Secure; SameSite=Strict$/,
  );
  expect((await browse('/', { headers: { cookie: cookieOf(response) } })).status).toBe(200);
});

test.each([
  'https://evil.example/_oncegate/console/',
  '//evil.example/_oncegate/console/',
  '\\\\evil.example',
  '/somewhere-else',
  'javascript:alert(1)',
  '/_oncegate/logout',
  '',
])('a login leads to the console, not to %s', async (to) => {
  expect((await logIn(TOKEN, {}, to)).headers.get('location')).toBe('/_oncegate/');
});

test('another token gets no cookie', async () => {
  for (const token of ['', 'another-admin-token', `${TOKEN}x`]) {
    const response = await logIn(token, freshAddress());
    expect(response.status).toBe(401);
    expect(response.headers.get('set-cookie')).toBeNull();
    expect(await response.text()).toContain('That is not the ADMIN_TOKEN');
  }
});

test('a login ends after eight hours, however much it is used', async () => {
  const { cookie } = await loggedIn();
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + (8 * 3600 - 5) * 1000 });
  const late = await browse('/', { headers: { cookie } });
  expect(late.status).toBe(200);
  expect(late.headers.get('set-cookie')).toBeNull();
  vi.setSystemTime(Date.now() + 10_000);
  expect((await browse('/', { headers: { cookie } })).status).toBe(401);
});

test('a cookie is worth nothing with another token, with another expiry, or in part', async () => {
  const { cookie } = await loggedIn();
  const [, value = ''] = cookie.split('=');
  const [expiry = '', mac = ''] = value.split('.');
  const forged = [
    `oncegate-login=${Number(expiry) + 3600}.${mac}`,
    `oncegate-login=${expiry}.${mac.slice(0, -1)}`,
    `oncegate-login=${expiry}.`,
    `oncegate-login=${expiry}`,
    'oncegate-login=',
    `another=${value}`,
  ];
  for (const other of forged) expect((await browse('/', { headers: { cookie: other } })).status).toBe(401);
  expect(await new Logins(TOKEN).find(cookie)).not.toBeNull();
  expect(await new Logins('the-token-after-its-rotation').find(cookie)).toBeNull();
});

test('a cookie that somebody else set under the same name does not hide the login', async () => {
  const { cookie } = await loggedIn();
  const hidden = `oncegate-login=x; a=b; ${cookie}`;
  expect((await browse('/', { headers: { cookie: hidden } })).status).toBe(200);
});

test('logging out takes the cookie away, and is done by the console’s own form only', async () => {
  const { cookie, formToken } = await loggedIn();
  const out = (body: string) => browse('/logout', { method: 'POST', headers: { ...FORM, cookie }, body });
  expect((await out('')).status).toBe(403);
  const response = await out(`form_token=${formToken}`);
  expect(response.status).toBe(303);
  expect(response.headers.get('set-cookie')).toMatch(
    /^oncegate-login=; Max-Age=0; Path=\/_oncegate; HttpOnly; Secure; SameSite=Strict$/,
  );
});

test('a login does not open the API', async () => {
  const { cookie } = await loggedIn();
  const id = await executionId();
  for (const [path, method] of [
    ['/executions', 'GET'],
    [`/executions/${id}`, 'GET'],
    [`/executions/${id}`, 'DELETE'],
    ['/metrics', 'GET'],
  ] as const) {
    expect((await browse(path, { method, headers: { cookie } })).status).toBe(401);
  }
});

test.each([
  ['fetches', { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }],
  ['frames', { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }],
  ['embeds', { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'object' }],
  ['takes for a style sheet', { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'style' }],
  ['asks for without saying how', { 'sec-fetch-mode': '', 'sec-fetch-dest': '' }],
])('a page that the upstream’s page %s stays closed, though the login goes with it', async (_, headers) => {
  const { cookie, formToken } = await loggedIn();
  expect((await browse('/', { headers: { cookie, ...headers } })).status).toBe(403);
  const guessed = { 'oncegate-page-token': `${formToken.slice(0, -1)}x` };
  expect((await browse('/', { headers: { cookie, ...headers, ...guessed } })).status).toBe(403);
  const own = { 'oncegate-page-token': formToken };
  expect((await browse('/', { headers: { cookie, ...headers, ...own } })).status).toBe(200);
});

test.each([
  ['no token', null],
  ['a blank token', ''],
  ['another token', 'A'.repeat(43)],
])('a form of the upstream’s page, with the login and %s, has nothing forgotten', async (_, formToken) => {
  const { cookie } = await loggedIn();
  const id = await executionId();
  expect((await forget(id, { cookie }, formToken)).status).toBe(403);
  expect((await post('/count/x', 'key')).headers.get('idempotent-replayed')).toBe('true');
});

test('the token of another login’s pages is no token', async () => {
  const first = await loggedIn();
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 2_000 });
  const second = await loggedIn();
  expect(second.cookie).not.toBe(first.cookie);
  const id = await executionId();
  expect((await forget(id, { cookie: second.cookie }, first.formToken)).status).toBe(403);
  expect((await forget(id, { cookie: second.cookie }, second.formToken)).status).toBe(303);
});

test.each([
  ['another site', { origin: 'https://evil.example' }],
  ['a sister site', { origin: 'https://other.gate.example' }],
  ['the same host without TLS', { origin: 'http://gate.example' }],
  ['nowhere in particular', { origin: 'null' }],
  ['a browser that does not say', { origin: '' }],
])('a form of %s is not taken: to forget, to log in, to search, to log out', async (_, headers) => {
  const { cookie, formToken } = await loggedIn();
  const body = new URLSearchParams({ form_token: formToken, token: TOKEN, key: 'key' }).toString();
  for (const path of [
    `/console/executions/${await executionId()}/forget`,
    '/login',
    '/console/executions',
    '/logout',
  ]) {
    const response = await browse(path, { method: 'POST', headers: { ...FORM, cookie, ...headers }, body });
    expect(response.status, path).toBe(403);
    expect(response.headers.get('set-cookie')).toBeNull();
  }
});

test.each([
  'multipart/form-data; boundary=x',
  'text/plain',
  'application/json',
  'application/x-not-known',
  'application/x-www-form-urlencodedx',
  '',
])('a form that is sent as %s is not taken', async (type) => {
  const { cookie, formToken } = await loggedIn();
  const id = await executionId();
  expect((await forget(id, { cookie, 'content-type': type }, formToken)).status).toBe(403);
  expect((await logIn(TOKEN, { 'content-type': type })).status).toBe(403);
  expect((await post('/count/x', 'key')).headers.get('idempotent-replayed')).toBe('true');
});

test('a form larger than any of the console’s is not read', async () => {
  expect((await logIn('x'.repeat(10_000), freshAddress())).status).toBe(413);
});

test('a search leaves the key in no address', async () => {
  const { cookie, formToken } = await loggedIn();
  const search = (key: string) =>
    browse('/console/executions', {
      method: 'POST',
      headers: { ...FORM, cookie },
      body: new URLSearchParams({ key, form_token: formToken }).toString(),
    });
  const id = await executionId();
  expect((await search('key')).headers.get('location')).toBe(`/_oncegate/console/executions/${id}`);
  const none = await (await search('no-such-key')).text();
  expect(none).toContain('No execution is known with this key.');
  const [, keyHash] = /name="keyHash" value="([\w-]{43})"/.exec(none) ?? [];
  expect(none).not.toMatch(/(href|action)="[^"]*no-such-key/);
  const again = await browse(`/console/executions?keyHash=${keyHash}`, { headers: { cookie } });
  expect(await again.text()).toContain('No execution is known with this key.');
  expect((await browse('/console/executions?key=key', { headers: { cookie } })).status).toBe(400);
});

test('the login page is of the same origin only, and says nothing of the token', async () => {
  const page = await browse('/console/configuration');
  expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  expect(page.headers.get('cache-control')).toBe('no-store');
  const html = await page.text();
  expect(html).toContain('name="to" value="/_oncegate/console/configuration"');
  expect(html).not.toContain(TOKEN);
  expect(html).not.toContain('Logged in already?');
  const linked = await browse('/', { headers: { 'sec-fetch-site': 'cross-site' } });
  expect(await linked.text()).toContain('Logged in already?');
});
