import { exports } from 'cloudflare:workers';
import { beforeEach } from 'vitest';

export const GATE = 'https://gate.example';

/** The `ADMIN_TOKEN` of vitest.config.ts. */
export const TOKEN = 'the-admin-token-of-the-tests';

let tests = 0;

// The isolate outlives a test, and with it what it may replay without asking. So each test is a caller of its own.
beforeEach(() => {
  tests += 1;
});

/** A keyed request of a client. */
export function post(path: string, key: string, init: RequestInit = {}): Promise<Response> {
  return exports.default.fetch(`${GATE}${path}`, {
    method: 'POST',
    ...init,
    headers: { 'idempotency-key': key, authorization: `Bearer ${tests}` },
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
