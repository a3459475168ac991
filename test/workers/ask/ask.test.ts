import { expect, test } from 'vitest';
import { askLedger } from '../../../src/ask/ask.ts';
import { parseConfig } from '../../../src/config.ts';
import type { AskedAnswer, LedgerAnswer, LedgerCall, LedgerStub } from '../../../src/protocol.ts';
import { sealPreamble } from '../../../src/record/record.ts';
import { Seal } from '../../../src/record/seal.ts';
import { policyFor } from '../ledger/world.ts';

const call: LedgerCall = {
  policy: JSON.stringify(policyFor()),
  id: 'A'.repeat(43),
  address: null,
  caller: 'caller',
  secret: new Uint8Array(32),
  fingerprint: 'fingerprint',
  keyHash: 'key hash',
  method: 'POST',
  path: '/',
  trace: null,
  url: 'https://x/',
  headers: [],
  body: new Uint8Array(0),
  waitMs: 1000,
  presence: null,
  respondAfterMs: null,
};

const joined: LedgerAnswer = {
  outcome: 'joined',
  recording: 'stored',
  head: { status: 200, headers: [] },
  body: new Uint8Array(0),
  size: 0,
};

function lost(flags: object = {}): Error {
  return Object.assign(new Error('Network connection lost.'), flags);
}

type Stub = Pick<LedgerStub, 'execute' | 'recall'>;

async function ask(stub: Stub | (() => Stub)): Promise<string> {
  return (await answerOf(stub, null)).outcome;
}

async function answerOf(stub: Stub | (() => Stub), record: Uint8Array | null): Promise<AskedAnswer> {
  const result = parseConfig({
    LEDGER: { getByName: () => (typeof stub === 'function' ? stub() : stub) },
    RESULTS: {
      getWithMetadata() {},
      get: async () => (record === null ? null : new Response(record).body),
      list: async () => ({ keys: record === null ? [] : [{ name: 'the latest' }] }),
    },
    UPSTREAM_URL: 'https://x',
  });
  if (!result.ok || result.config.routes[0] === undefined) throw new Error('no route');
  return askLedger(result.config, result.config.routes[0], 0, call);
}

const refuse = (error: Error) => () => Promise.reject(error);

test.each<[string, Stub, string]>([
  ['an answer that arrives', { execute: async () => joined, recall: refuse(lost()) }, 'joined'],
  [
    'an answer lost while the request runs',
    { execute: refuse(lost()), recall: async () => joined },
    'joined',
  ],
  [
    'an answer lost of which no trace is left',
    { execute: refuse(lost()), recall: async () => null },
    'interrupted',
  ],
  [
    'an object that broke with the request in it, and is gone',
    { execute: refuse(lost({ durableObjectReset: true })), recall: refuse(lost()) },
    'interrupted',
  ],
  [
    'an object that takes no more',
    { execute: refuse(lost({ overloaded: true })), recall: refuse(lost()) },
    'unavailable',
  ],
  [
    'an object that is lost and stays out of reach',
    { execute: refuse(lost()), recall: refuse(lost()) },
    'interrupted',
  ],
  [
    'an object that throws before it begins',
    { execute: refuse(lost({ remote: true })), recall: refuse(lost({ remote: true })) },
    'unavailable',
  ],
  [
    'a connection that is lost on the way',
    { execute: refuse(lost({ remote: true, retryable: true })), recall: async () => null },
    'interrupted',
  ],
  [
    'a result that KV does not show',
    {
      execute: async () => ({
        outcome: 'archived',
        id: call.id,
        completedAt: 1,
        expiresAt: 2,
        lease: { ms: 1000, seq: 1 },
      }),
      recall: refuse(lost()),
    },
    'unreadable',
  ],
])('%s: the Worker says what is known', async (_, stub, outcome) => {
  expect(await ask(stub)).toBe(outcome);
});

test('an object that was ended is reached through a stub of its own', async () => {
  const broken: Stub = { execute: refuse(lost({ durableObjectReset: true })), recall: refuse(lost()) };
  const fresh: Stub = { execute: refuse(lost()), recall: async () => joined };
  const stubs = [broken, fresh];
  const outcome = await ask(() => stubs.shift() ?? fresh);
  expect(outcome).toBe('joined');
});

test('a request whose answer was lost is not sent a second time', async () => {
  let executed = 0;
  await ask({
    execute: async () => {
      executed += 1;
      throw lost();
    },
    recall: async () => null,
  });
  expect(executed).toBe(1);
});

const COMPLETED_AT = 1;

/** A record of an empty response, as it is in RESULTS. */
async function record(): Promise<Uint8Array> {
  const { fingerprint, secret } = call;
  const expiresAt = Date.now() + 60_000;
  const head = { status: 200, headers: [], size: 0, fingerprint, completedAt: COMPLETED_AT, expiresAt };
  return sealPreamble(await Seal.create(secret), head);
}

test('what is replayed from RESULTS comes with the lease that the ledger gave', async () => {
  const lease = { ms: 1000, seq: 1 };
  const { id } = call;
  const archived = { outcome: 'archived', id, completedAt: COMPLETED_AT, expiresAt: 2, lease } as const;
  const stub = { execute: async () => archived, recall: refuse(lost()) };
  expect(await answerOf(stub, await record())).toMatchObject({ outcome: 'replayed', lease });
});

test('what is replayed from RESULTS while the ledger is out of reach comes without a lease', async () => {
  const stub = { execute: refuse(lost()), recall: refuse(lost()) };
  expect(await answerOf(stub, await record())).toMatchObject({ outcome: 'replayed', lease: null });
});
