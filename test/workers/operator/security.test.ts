import { reset } from 'cloudflare:test';
import { afterEach, expect, test } from 'vitest';
import { operator, post } from './gate.ts';

afterEach(() => reset());

async function executionId(): Promise<string> {
  await (await post('/count/x', 'key')).text();
  const { executions }: { executions: { id: string }[] } = await (
    await operator('/executions?key=key')
  ).json();
  return executions[0]?.id ?? '';
}

test('the console’s own form has an execution forgotten', async () => {
  const id = await executionId();
  const response = await operator(`/console/executions/${id}/forget`, {
    method: 'POST',
    headers: {
      origin: 'https://gate.example',
      'sec-fetch-site': 'same-origin',
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: '',
  });
  expect(response.status).toBe(303);
  expect((await post('/count/x', 'key')).headers.get('idempotent-replayed')).toBeNull();
});

test('no other site can read the API with the operator’s login', async () => {
  const preflight = await operator('/executions', {
    method: 'OPTIONS',
    headers: { origin: 'https://evil.example', 'access-control-request-method': 'DELETE' },
  });
  const read = await operator('/executions', { headers: { origin: 'https://evil.example' } });
  for (const response of [preflight, read]) {
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  }
});

const SCRIPT = '"><script>alert(1)</script>';

test.each([
  `/console/executions?keyHash=${encodeURIComponent(SCRIPT)}`,
  `/console/executions?route=${encodeURIComponent(SCRIPT)}`,
  `/console/executions?state=${encodeURIComponent(SCRIPT)}`,
  `/console/executions?cursor=${encodeURIComponent(SCRIPT)}`,
  `/?window=${encodeURIComponent(SCRIPT)}`,
  `/console/executions/${encodeURIComponent(SCRIPT)}`,
])('a script in %s stays text', async (path) => {
  const response = await operator(path);
  expect(await response.text()).not.toContain('<script>alert');
  expect(response.headers.get('content-security-policy')).toMatch(/default-src 'none'/);
  expect(response.headers.get('content-security-policy')).not.toContain('unsafe');
});

test('a script in a key that is searched for stays text', async () => {
  const response = await operator('/console/executions', {
    method: 'POST',
    headers: { origin: 'https://gate.example', 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ key: SCRIPT }).toString(),
  });
  const html = await response.text();
  expect(html).toContain('alert(1)');
  expect(html).not.toContain('<script>alert');
});
