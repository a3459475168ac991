/** The recipes of docs/webhooks.md, which are those of examples/webhooks/wrangler.jsonc. */
import { execFile as execFileWithCallback } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callerOf } from '../../../src/request/caller.ts';
import { startGateway } from '../harness/gateway.ts';
import type { RunningScript } from '../harness/process.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../harness/webhook-receiver.ts';
import { type Delivery, SENDERS, type Sender } from '../harness/webhook-senders.ts';

const exampleFolder = new URL('../../../examples/webhooks/', import.meta.url);
const execFile = promisify(execFileWithCallback);

let receiver: WebhookReceiver;
let gateway: RunningScript;
let storage: string;

beforeAll(async () => {
  receiver = await startWebhookReceiver();
  storage = await mkdtemp(`${tmpdir()}/oncegate-`);
  gateway = await start();
});

afterAll(async () => {
  await gateway?.stop();
  await receiver?.[Symbol.asyncDispose]();
  await rm(storage, { recursive: true, force: true });
});

/** The settings of the example, whose comments have lines of their own. */
async function settings(): Promise<Record<string, unknown>> {
  const text = await readFile(new URL('wrangler.jsonc', exampleFolder), 'utf8');
  return JSON.parse(text.replace(/^\s*\/\/.*$/gm, '')).vars;
}

async function start(): Promise<RunningScript> {
  return startGateway({ vars: { ...(await settings()), UPSTREAM_URL: receiver.url }, storage });
}

interface Attempt {
  readonly event: string;
  readonly number?: number;
  /** How much later the sender tries. */
  readonly hoursLater?: number;
}

const HOUR_MS = 3_600_000;

function deliveryOf(sender: Sender, { event, number = 0, hoursLater = 0 }: Attempt): Promise<Delivery> {
  const url = `${gateway.url}${sender.path}`;
  return sender.deliver({ url, event, number, at: new Date(Date.now() + hoursLater * HOUR_MS) });
}

async function send(sender: Sender, { headers, body }: Pick<Delivery, 'headers' | 'body'>) {
  const response = await fetch(`${gateway.url}${sender.path}`, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'accept-encoding': 'identity', ...headers },
    body,
  });
  return {
    status: response.status,
    headers: response.headers,
    replayed: response.headers.get('idempotent-replayed') === 'true',
    body: await response.text(),
  };
}

async function deliver(sender: Sender, attempt: Attempt) {
  return send(sender, await deliveryOf(sender, attempt));
}

/** What somebody sends who knows the event, but not the secret. */
async function forge(sender: Sender, event: string) {
  const { headers, body } = await deliveryOf(sender, { event });
  const bent = Object.entries(headers).map(([name, value]) =>
    /signature|hmac/.test(name)
      ? ([name, value.replace(/[\da-zA-Z](?==*$)/, (last) => (last === 'A' ? 'B' : 'A'))] as const)
      : ([name, value] as const),
  );
  return send(sender, { headers: Object.fromEntries(bent), body });
}

describe.each(SENDERS.map((sender) => [sender.name, sender] as const))('%s', (_, sender) => {
  test('an event that is delivered a few times at once is processed once', async () => {
    const event = randomUUID();
    const attempts = [0, 1, 2, 3, 4].map((number) => deliver(sender, { event, number }));
    const answers = await Promise.all(attempts);
    expect(receiver.processed(event)).toBe(1);
    for (const { status, body } of answers) {
      expect({ status, body }).toEqual({ status: 200, body: JSON.stringify({ received: event, time: 1 }) });
    }
  });

  test('events that come again out of order are each processed once', async () => {
    const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()];
    for (const event of [c, a, c, b, a, c, b])
      expect(await deliver(sender, { event, number: 1 })).toMatchObject({ status: 200 });
    expect([a, b, c].map(receiver.processed)).toEqual([1, 1, 1]);
  });

  test('one that comes again hours later, after a restart, is answered and not processed', async () => {
    const event = randomUUID();
    const first = await deliver(sender, { event });
    await gateway.stop();
    gateway = await start();
    const later = await deliver(sender, { event, number: 2, hoursLater: 47 });
    expect(later).toMatchObject({ status: 200, body: first.body, replayed: true });
    expect(receiver.processed(event) + receiver.refused(event)).toBe(1);
    // It is kept for a week.
    const [, ttl] = /^oncegate; hit; ttl=(\d+)$/.exec(later.headers.get('cache-status') ?? '') ?? [];
    expect(Number(ttl)).toBeGreaterThan(604_000);
  });

  test('one whose delivery broke off before the answer is not processed again', async () => {
    const event = randomUUID();
    const held = receiver.hold(event);
    const { headers, body } = await deliveryOf(sender, { event });
    const gone = new AbortController();
    const first = fetch(`${gateway.url}${sender.path}`, {
      method: 'POST',
      headers,
      body,
      signal: gone.signal,
    }).catch(() => 'gone');
    await held.arrived;
    gone.abort();
    expect(await first).toBe('gone');
    const second = deliver(sender, { event, number: 1 });
    held.open();
    expect(await second).toMatchObject({ status: 200 });
    expect(receiver.processed(event)).toBe(1);
  });

  test('a forgery that comes first is not recorded, so the event itself is processed', async () => {
    const event = randomUUID();
    expect(await forge(sender, event)).toMatchObject({ status: 400, replayed: false });
    expect(await deliver(sender, { event })).toMatchObject({ status: 200, replayed: false });
    expect([receiver.refused(event), receiver.processed(event)]).toEqual([1, 1]);
  });

  test('a forgery that comes after gets the recorded answer, and nothing more', async () => {
    const event = randomUUID();
    const first = await deliver(sender, { event });
    const forged = await forge(sender, event);
    expect(forged).toMatchObject({ status: 200, replayed: true, body: first.body });
    expect(first.headers.get('set-cookie')).toBe('receiver=secret');
    expect(forged.headers.get('set-cookie')).toBeNull();
    expect([receiver.refused(event), receiver.processed(event)]).toEqual([0, 1]);
    expect(await deliver(sender, { event, number: 1 })).toMatchObject({ status: 200, body: first.body });
  });

  test('an event that comes while a forgery is looked at is processed, at the latest when it comes again', async () => {
    const event = randomUUID();
    const held = receiver.hold(event);
    const forged = forge(sender, event);
    await held.arrived;
    const genuine = deliver(sender, { event });
    held.open();
    expect(await forged).toMatchObject({ status: 400 });
    // It has joined the forgery, and gets its answer, unless that was there before.
    const { status } = await genuine;
    expect([200, 400]).toContain(status);
    const again = await deliver(sender, { event, number: 1 });
    expect(again).toMatchObject({ status: 200, replayed: status === 200 });
    expect(receiver.processed(event)).toBe(1);
  });

  test('a delivery that somebody has seen is another event under another ID only where the ID is not signed', async () => {
    const [event, other] = [randomUUID(), randomUUID()];
    const seen = await deliveryOf(sender, { event });
    await send(sender, seen);
    const { status } = await send(sender, sender.relabelled(seen, other));
    expect({ status, processed: receiver.processed(other) }).toEqual(
      sender.signsEvent ? { status: 400, processed: 0 } : { status: 200, processed: 1 },
    );
  });

  test('nobody makes a second event of it by adding a credential', async () => {
    const event = randomUUID();
    const { headers, body } = await deliveryOf(sender, { event });
    await send(sender, { headers, body });
    const more = { ...headers, authorization: 'Bearer x', cookie: 'a=b', 'x-api-key': '1' };
    expect(await send(sender, { headers: more, body })).toMatchObject({ replayed: true });
    expect(receiver.processed(event)).toBe(1);
  });
});

test('the example says what its README promises', async () => {
  const { startReceiver } = await import(new URL('receiver.js', exampleFolder).href);
  const port: number = await startReceiver(0);
  const before = await startGateway({
    vars: { ...(await settings()), UPSTREAM_URL: `http://localhost:${port}` },
  });
  const { stdout } = await execFile(process.execPath, [
    fileURLToPath(new URL('send.js', exampleFolder)),
    before.url,
  ]);
  await before.stop();
  expect(
    stdout
      .replace(/ttl=\d+/g, 'ttl=N')
      .trim()
      .split('\n'),
  ).toEqual([
    'delivery     : 200 processed as event 1 (oncegate; fwd=miss; stored)',
    'redelivery   : 200 processed as event 1 (oncegate; hit; ttl=N)',
    'redelivery   : 200 processed as event 1 (oncegate; hit; ttl=N)',
    'forged after : 200 processed as event 1 (oncegate; hit; ttl=N)',
    'forged before: 400 bad signature (oncegate; fwd=miss; detail=failed)',
    'the real one : 200 processed as event 2 (oncegate; fwd=miss; stored)',
  ]);
});

test('a receiver that takes a forgery for genuine has lost the event: it verifies before it says 2xx', async () => {
  const event = randomUUID();
  const github = senderNamed('GitHub');
  const careless = await startWebhookReceiver({ verifies: false });
  const before = receiver;
  await gateway.stop();
  receiver = careless;
  gateway = await start();
  expect(await forge(github, event)).toMatchObject({ status: 200 });
  expect(await deliver(github, { event })).toMatchObject({ status: 200, replayed: true });
  expect(careless.processed(event)).toBe(1);
  await gateway.stop();
  await careless[Symbol.asyncDispose]();
  receiver = before;
  gateway = await start();
});

test('Slack’s check of the URL and its commands pass through', async () => {
  const slack = senderNamed('Slack');
  const attempts = [
    {
      headers: { 'content-type': 'application/json' },
      body: '{"type":"url_verification","challenge":"3eZbrw1aB"}',
    },
    {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'command=%2Fweather&text=94070',
    },
  ];
  for (const attempt of [...attempts, ...attempts]) {
    const answer = await send(slack, attempt);
    expect(answer.headers.get('cache-status')).toBe('oncegate; fwd=bypass');
  }
});

test('a delivery without what says which event it is, is refused', async () => {
  for (const [name, place] of [
    ['Stripe', 'the JSON body at /id'],
    ['GitHub', 'X-GitHub-Delivery'],
  ] as const) {
    const answer = await send(senderNamed(name), { headers: {}, body: '{}' });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body).detail).toContain(`Send one in ${place}, `);
  }
});

describe('the fields of a delivery name nobody', () => {
  test.each(SENDERS.map((sender) => [sender.name, sender] as const))('of %s', async (name, sender) => {
    const { headers } = await deliveryOf(sender, { event: 'evt' });
    const { anonymous, bound } = callerOf(new Headers(headers), '', 'auto', []);
    // Shopify names the shop, which stays the same.
    expect({ anonymous, bound }).toEqual({ anonymous: name !== 'Shopify', bound: null });
    const { headers: later } = await deliveryOf(sender, { event: 'evt', number: 1, hoursLater: 5 });
    expect(callerOf(new Headers(later), '', 'auto', []).scope).toBe(
      callerOf(new Headers(headers), '', 'auto', []).scope,
    );
  });
});

function senderNamed(name: string): Sender {
  const sender = SENDERS.find((other) => other.name === name);
  if (sender === undefined) throw new Error(`nobody is named ${name}`);
  return sender;
}
