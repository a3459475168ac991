import { exports } from 'cloudflare:workers';
import * as v from 'valibot';
import { beforeEach, expect } from 'vitest';
import { executionList } from '../../../src/operator/schemas.ts';

export const GATE = 'https://gate.example';

/** The `ADMIN_TOKEN` of vitest.config.ts. */
export const TOKEN = 'the-admin-token-of-the-tests';

let tests = 0;

// The isolate outlives a test, and with it what it may replay without asking. So each test is a caller of its
// own.
beforeEach(() => {
  tests += 1;
});

/** A keyed request of a client. */
export function post(path: string, key: string, init: RequestInit = {}): Promise<Response> {
  return exports.default.fetch(`${GATE}${path}`, {
    method: 'POST',
    ...init,
    headers: { 'idempotency-key': key, authorization: `Bearer ${tests}`, ...init.headers },
  });
}

/** A request of the operator, who has the token. `path` goes on from `/_oncegate`. */
export function operator(path: string, init: RequestInit = {}): Promise<Response> {
  return exports.default.fetch(`${GATE}/_oncegate${path}`, {
    redirect: 'manual',
    ...init,
    headers: { authorization: `Bearer ${TOKEN}`, ...init.headers },
  });
}

/** The list that the API gives, checked against its own schema. */
export async function list(query = '') {
  const response = await operator(`/executions${query}`);
  expect(response.status).toBe(200);
  return v.parse(executionList, await response.json());
}

/** An address that no other test has, as a failed login slows its address down. */
export function freshAddress(): { 'cf-connecting-ip': string } {
  return {
    'cf-connecting-ip': `2001:db8:${crypto.randomUUID().slice(0, 4)}:${crypto.randomUUID().slice(0, 4)}::1`,
  };
}

/** What a browser says where its user opens a page. */
export const NAVIGATION = {
  'sec-fetch-site': 'same-origin',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
} as const;

/** What a browser sends with a form of the console. */
export const FORM = {
  ...NAVIGATION,
  origin: GATE,
  'content-type': 'application/x-www-form-urlencoded',
} as const;

/** A request of a browser. `path` goes on from `/_oncegate`. */
export function browse(path: string, init: RequestInit = {}): Promise<Response> {
  return exports.default.fetch(`${GATE}/_oncegate${path}`, {
    redirect: 'manual',
    ...init,
    headers: { ...NAVIGATION, ...init.headers },
  });
}

/** Logs in with a token, from an address. */
export function logIn(token: string, headers: Record<string, string> = {}, to = ''): Promise<Response> {
  return browse('/login', {
    method: 'POST',
    headers: { ...FORM, ...headers },
    body: new URLSearchParams({ token, to }).toString(),
  });
}

/** The name and value of the cookie that a response sets, as a browser sends it back. */
export function cookieOf(response: Response): string {
  return response.headers.get('set-cookie')?.split(';')[0] ?? '';
}

/** The token that a page's forms carry. */
export function formTokenIn(html: string): string {
  return /name="form_token" value="([^"]*)"/.exec(html)?.[1] ?? '';
}
