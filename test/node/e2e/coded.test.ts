import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { freshGate, freshKey } from '../harness/request.ts';
import { useGateway, useOrigin } from '../harness/use.ts';

const origin = useOrigin();

/**
 * Codes its response itself, lets the runtime do it, tells a length that is not that of the coded body, or
 * claims a coding.
 */
const codingService = `
  const text = 'what was compressed, '.repeat(50);
  export default { async fetch(request) {
    const [coding, how] = new URL(request.url).pathname.split('/').slice(-2);
    const headers = { 'content-encoding': coding, 'content-type': 'application/octet-stream' };
    switch (how) {
      case 'by-the-runtime': return new Response(text, { headers });
      case 'with-the-plain-length':
        return new Response(text, { headers: { ...headers, 'content-length': String(text.length) } });
      case 'empty': return new Response(null, { headers });
      case 'not-coded': return new Response(text, { headers, encodeBody: 'manual' });
      case 'by-itself': {
        const coded = new Response(text).body.pipeThrough(new CompressionStream(coding));
        return new Response(await new Response(coded).arrayBuffer(), { headers, encodeBody: 'manual' });
      }
    }
  } };
`;

const gateway = useGateway(() => ({
  services: { CODING: codingService },
  vars: {
    HOT_SECONDS: '1',
    ADMIN_TOKEN: 'the-admin-token-of-the-tests',
    ROUTES: [
      { path: '/service/*', service: 'CODING', unknownOutcome: 'refuse' },
      { path: '/*', upstream: origin.url, unknownOutcome: 'refuse' },
    ],
  },
}));

interface Answer {
  readonly status: number;
  readonly fields: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** Sends a POST and takes the response's bytes as they are on the wire. */
function send(url: string, key: string, acceptEncoding: string | null = 'gzip, br'): Promise<Answer> {
  const headers = {
    'idempotency-key': key,
    ...(acceptEncoding === null ? {} : { 'accept-encoding': acceptEncoding }),
  };
  return new Promise((resolve, reject) => {
    request(url, { method: 'POST', headers }, async (response) => {
      const body = Buffer.concat(await response.toArray());
      resolve({ status: response.statusCode ?? 0, fields: response.headers, body });
    })
      .on('error', reject)
      .end();
  });
}

function digestOf(body: Buffer): string {
  return `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
}

const forms = ['whole', 'empty', 'zeros', 'not-coded', 'cut', 'large'];
const lengths = ['', '&chunked'];
const cases = [
  ...['gzip', 'br'].flatMap((coding) => forms.flatMap((form) => lengths.map((l) => [coding, form, l]))),
  ...['GZIP', 'deflate', 'zstd'].map((coding) => [coding, 'whole', '']),
];

test.each(cases)(
  'a body in %s that is %s%s is the same bytes for everybody',
  async (coding, form, length) => {
    const path = `/coded/${coding}?form=${form}${length}`;
    const direct = await send(`${origin.url}${path}`, freshKey());
    const key = freshKey();
    const gate = freshGate();
    const running = form === 'empty' ? '' : `&gate=${gate}`;

    const first = send(`${gateway.url}${path}${running}`, key);
    if (running !== '') await origin.arrived(gate);
    const joined = send(`${gateway.url}${path}${running}`, key);
    await origin.open(gate);
    const answers = [await first, await joined, await send(`${gateway.url}${path}${running}`, key)];
    const outcomes = answers.map(({ fields }) => String(fields['cache-status']));
    expect(outcomes[0]).toBe('oncegate; fwd=miss; stored');
    expect(outcomes[2]).toMatch(/^oncegate; hit; ttl=/);

    for (const { status, fields, body } of answers) {
      expect(status).toBe(200);
      expect(body.equals(direct.body)).toBe(true);
      expect(fields['content-digest']).toBe(digestOf(body));
      expect(fields.etag).toBe('"v1"');
      const saysEmpty = form === 'empty' && length === '';
      expect(fields['content-encoding']).toBe(saysEmpty ? undefined : coding);
      if (length === '') expect(fields['content-length']).toBe(String(body.length));
    }
    expect(await origin.runs(key)).toHaveLength(1);
  },
);

test('a coded body comes out of KV as it went in', async () => {
  // Only what is larger than a row leaves the ledger.
  const large = cases.filter(([, form]) => form === 'large');
  const sent = await Promise.all(
    large.map(async ([coding, form, length]) => {
      const [key, url] = [freshKey(), `${gateway.url}/coded/${coding}?form=${form}${length}`];
      return { key, url, first: await send(url, key) };
    }),
  );
  const place = async (key: string) => {
    const headers = { authorization: 'Bearer the-admin-token-of-the-tests' };
    const list = await fetch(`${gateway.url}/_oncegate/executions?key=${key}`, { headers });
    return (await list.json()).executions[0]?.place;
  };
  for (const { key, url, first } of sent) {
    await expect.poll(() => place(key), { timeout: 30_000 }).toBe('results');
    const replay = await send(url, key);
    expect(replay.fields['idempotent-replayed']).toBe('true');
    expect(replay.body.equals(first.body), url).toBe(true);
    expect(replay.fields['content-digest']).toBe(digestOf(replay.body));
    expect(replay.fields['content-encoding']).toBe(first.fields['content-encoding']);
  }
});

test('a coded body that is cut off on the way is no success', async () => {
  const key = freshKey();
  const broken = send(`${gateway.url}/reset/length`, key);
  await expect(broken).rejects.toThrow();
  expect((await send(`${gateway.url}/reset/length`, key)).status).toBe(409);
});

test.each([
  ['gzip', 'by-the-runtime', true],
  ['br', 'by-the-runtime', true],
  ['gzip', 'with-the-plain-length', true],
  ['gzip', 'by-itself', true],
  ['gzip', 'empty', false],
  ['gzip', 'not-coded', false],
])('a service’s body in %s, coded %s, is recorded and replayed as it came', async (coding, how, isCoded) => {
  const key = freshKey();
  const url = `${gateway.url}/service/${coding}/${how}`;
  const [first, replay] = [await send(url, key), await send(url, key)];
  expect([first.status, replay.status]).toEqual([200, 200]);
  expect(replay.fields['idempotent-replayed']).toBe('true');
  expect(replay.body.equals(first.body)).toBe(true);
  expect([first.fields['content-encoding'], replay.fields['content-encoding']]).toEqual([coding, coding]);
  const plain = 'what was compressed, '.repeat(50);
  if (isCoded) expect(first.body.length).toBeLessThan(plain.length / 2);
});

test.each([
  ['gzip, deflate, br, zstd', 'gzip'],
  ['br', 'identity'],
  ['identity', 'identity'],
  [null, ''],
])('of a client that sends %j, the upstream is asked for %j', async (accepted, asked) => {
  const answer = await send(`${gateway.url}/negotiated`, freshKey(), accepted);
  expect(answer.fields['x-asked-for']).toBe(asked);
  expect(answer.fields['content-encoding']).toBe(asked === 'gzip' ? 'gzip' : undefined);
});

test('a client that does not take gzip gets a result without it that was recorded with it', async () => {
  const key = freshKey();
  const url = `${gateway.url}/negotiated`;
  const first = await send(url, key, 'gzip');
  expect(first.fields['content-encoding']).toBe('gzip');
  for (const accepted of ['identity', null, 'br']) {
    const replay = await send(url, key, accepted);
    expect(replay.fields['idempotent-replayed']).toBe('true');
    expect(replay.fields['content-encoding']).toBeUndefined();
    expect(replay.fields.etag).toBe('W/"v1"');
    expect(replay.fields['content-length']).toBe(String(replay.body.length));
    expect(replay.body.toString()).toBe('what was compressed in run 1');
  }
  const again = await send(url, key, 'gzip');
  expect(again.body.equals(first.body)).toBe(true);
  expect(again.fields.etag).toBe('"v1"');
});

test('a client that takes gzip gets a result as it is that was recorded without it', async () => {
  const key = freshKey();
  await send(`${gateway.url}/negotiated`, key, 'identity');
  const replay = await send(`${gateway.url}/negotiated`, key, 'gzip');
  expect(replay.fields['content-encoding']).toBeUndefined();
  expect(replay.body.toString()).toBe('what was compressed in run 1');
});

test('a coding that the upstream uses for everybody reaches everybody', async () => {
  const key = freshKey();
  for (const accepted of ['gzip', null, 'gzip']) {
    const { fields, body } = await send(`${gateway.url}/coded/gzip`, key, accepted);
    expect(fields['content-encoding']).toBe('gzip');
    expect(body.equals(gzipSync('what was compressed, '.repeat(50)))).toBe(true);
  }
});

test('a coded stream that says that it failed is not recorded', async () => {
  const key = freshKey();
  const url = `${gateway.url}/coded-sse`;
  const outcomes = [];
  for (let time = 0; time < 3; time += 1) {
    const { fields, body } = await send(url, key);
    outcomes.push([gunzipSync(body).toString().slice(0, 11), fields['idempotent-replayed']]);
  }
  expect(outcomes).toEqual([
    ['data: run 1', undefined],
    ['data: run 2', undefined],
    ['data: run 2', 'true'],
  ]);
});
