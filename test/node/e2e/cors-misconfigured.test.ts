import { expect, test } from 'vitest';
import { startGateway } from '../harness/gateway.ts';
import { freshKey, post } from '../harness/request.ts';

const APP = 'https://app.example';

test('a page can read that the configuration is invalid', async () => {
  const misconfigured = await startGateway({
    vars: { UPSTREAM_URL: 'https://api.example', CORS_ORIGINS: `${APP}/` },
  });
  try {
    const url = `${misconfigured.url}/x`;
    const headers = { origin: APP, 'access-control-request-method': 'POST' };
    const allowed = await fetch(url, { method: 'OPTIONS', headers });
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-max-age')).toBe('0');
    const response = await post(url, freshKey(), { headers: { origin: APP } });
    expect(response.status).toBe(500);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    const operators = await fetch(`${misconfigured.url}/_oncegate/executions`, {
      method: 'OPTIONS',
      headers,
    });
    expect(operators.status).toBe(500);
    expect(operators.headers.get('access-control-allow-origin')).toBeNull();
    expect((await response.json()).detail).toContain(`CORS_ORIGINS must be origins as browsers send them`);
  } finally {
    await misconfigured.stop();
  }
});
