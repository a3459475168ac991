import {
  type BatchOutcome,
  deterministicKey,
  type IdempotentFetchOptions,
  idempotentFetch,
  MemoryStore,
  type ResultStore,
  RetriesExhaustedError,
  requestKey,
  runBatch,
} from 'oncegate/client';

const store: ResultStore = new MemoryStore({ ttlMs: 60_000 });
const options: IdempotentFetchOptions = {
  store,
  key: requestKey,
  onRetry: ({ cause, delayMs }) => {
    const why: string = cause.kind === 'status' ? String(cause.response.status) : String(cause.error);
    console.log(why.length, delayMs.toFixed());
  },
};
const fetchOnce: typeof fetch = idempotentFetch(options);

export async function order(url: string): Promise<string> {
  try {
    const response = await fetchOnce(url, { method: 'POST', body: 'book' });
    return await response.text();
  } catch (error) {
    if (error instanceof RetriesExhaustedError) return error.key ?? error.reason;
    throw error;
  }
}

const run = runBatch([1, 2, 3], async (item, { key }) => `${item} ${key.length}`, { batchId: 'b' });
for await (const outcome of run) {
  const each: BatchOutcome<number, string> = outcome;
  if (each.status === 'succeeded') console.log(each.value.toUpperCase());
}
const { remaining } = await run;
const left: readonly number[] = remaining;
console.log(left.length, await deterministicKey('a', 1, [true, null], { b: 2n }));

// @ts-expect-error a date is no part of a key
await deterministicKey(new Date()).catch(() => {});
// @ts-expect-error a misspelt option is an error
idempotentFetch({ maxRetry: 3 });
