import { joined } from '../bytes.ts';

export type BodyResult =
  | { readonly kind: 'body'; readonly bytes: Uint8Array }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'broken-off' };

/** Reads a request's whole body, but no more than `maxBytes` of it. */
export async function readBody(request: Request, maxBytes: number): Promise<BodyResult> {
  const declared = request.headers.get('content-length');
  try {
    if (declared !== null && Number(declared) <= maxBytes) {
      return { kind: 'body', bytes: new Uint8Array(await request.arrayBuffer()) };
    }
    if (request.body === null) return { kind: 'body', bytes: new Uint8Array(0) };
    if (declared !== null) {
      await request.body.cancel();
      return { kind: 'too-large' };
    }
    return await readUnknownLength(request.body, maxBytes);
  } catch {
    // The client left, or its framing broke: there is nobody to tell more than that.
    return { kind: 'broken-off' };
  }
}

async function readUnknownLength(stream: ReadableStream<Uint8Array>, maxBytes: number): Promise<BodyResult> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.byteLength;
    if (size > maxBytes) return { kind: 'too-large' };
    chunks.push(chunk);
  }
  return { kind: 'body', bytes: joined(chunks, size) };
}
