import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { startGateway } from '../harness/gateway.ts';
import { post } from '../harness/request.ts';
import { useFolder, useOrigin } from '../harness/use.ts';

const origin = useOrigin();
const storage = useFolder();

/** Every byte that the gateway has stored: the ledger's databases with their journals, and KV's. */
async function dump(): Promise<string> {
  const files = await readdir(storage, { recursive: true, withFileTypes: true });
  const contents = await Promise.all(
    files
      .filter((file) => file.isFile())
      .map((file) => readFile(`${file.parentPath}/${file.name}`, 'latin1')),
  );
  return contents.join('\n');
}

test('who reads the stores finds no body, no header value, no credential and no key', async () => {
  const secrets = {
    key: 'key-that-nobody-may-read',
    anonymousKey: 'anonymous-key-that-nobody-may-read',
    credential: 'Bearer credential-that-nobody-may-read',
    cookie: 'session=cookie-that-nobody-may-read',
    requestBody: 'request-that-nobody-may-read',
  };
  const gateway = await startGateway({ storage, vars: { UPSTREAM_URL: origin.url } });
  const init = { body: secrets.requestBody };
  const responses = await Promise.all([
    // The echo holds all that was sent, the key included.
    post(`${gateway.url}/echo`, secrets.key, { ...init, headers: { authorization: secrets.credential } }),
    post(`${gateway.url}/echo`, `${secrets.key}-2`, { ...init, headers: { cookie: secrets.cookie } }),
    post(`${gateway.url}/cookies`, secrets.anonymousKey, init),
    // Larger than a piece, so that some of it is written while it runs.
    post(`${gateway.url}/text/2000000`, `${secrets.key}-3`, init),
  ]);
  for (const response of responses) expect((await response.text()).length).toBeGreaterThan(0);
  const archived = () => gateway.output.filter((line) => line.includes('"event":"request"')).length;
  await expect.poll(archived).toBe(4);
  await gateway.stop();

  const stored = await dump();
  expect(stored.length).toBeGreaterThan(2_000_000);
  for (const secret of [...Object.values(secrets), 'nobody-may-read', 'HttpOnly', 'all work and no play']) {
    expect(stored.includes(secret), secret).toBe(false);
  }
});
