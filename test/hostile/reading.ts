import type { CallOutcome, Provenance } from '../node/chaos/history.ts';

const decoder = new TextDecoder();

/** Reads a response to its end, and says what it is. */
export async function outcomeOf(response: Response): Promise<CallOutcome> {
  const chunks: Uint8Array[] = [];
  let whole = true;
  try {
    for await (const chunk of response.body ?? []) chunks.push(chunk);
  } catch {
    whole = false;
  }
  const bytes = new Uint8Array(await new Blob(chunks).arrayBuffer());
  const from = provenanceIn(bytes);
  if (!whole) return { kind: 'broken', by: 'gateway', from };
  const { status, headers } = response;
  const type = headers.get('content-type') ?? '';
  if (type === 'application/problem+json') {
    const { type: url = '' }: { type?: string } = JSON.parse(decoder.decode(bytes));
    return { kind: 'problem', status, slug: url.split('/').at(-1) ?? '' };
  }
  if (from === null) return { kind: 'stray', status, text: decoder.decode(bytes.subarray(0, 200)) };
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)).toHex().slice(0, 12);
  return {
    kind: 'response',
    status,
    digest: `${status} ${digest}`,
    bytes: bytes.byteLength,
    replayed: headers.get('idempotent-replayed') === 'true',
    from,
  };
}

function provenanceIn(bytes: Uint8Array): Provenance | null {
  const end = bytes.indexOf(10);
  return end < 0 ? null : JSON.parse(decoder.decode(bytes.subarray(0, end)));
}
