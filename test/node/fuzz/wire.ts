import { connect } from 'node:net';

/** What came back on a raw connection. */
export type WireAnswer =
  | { readonly kind: 'response'; readonly status: number; readonly head: string; readonly body: string }
  /** The connection was closed or fell silent without a whole head: fine for bytes that are not HTTP. */
  | { readonly kind: 'nothing' };

/**
 * Sends bytes as they are, however wrong, and reads what comes back until the peer closes or has been silent
 * for so long. The sending side stays open, as a client's does; a well-formed request should ask for
 * `Connection: close`.
 */
export function exchange(port: number, bytes: Buffer, silenceMs: number): Promise<WireAnswer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(bytes));
    socket.setTimeout(silenceMs, () => socket.destroy());
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => socket.destroy());
    socket.on('error', () => {});
    socket.on('close', () => resolve(parse(Buffer.concat(chunks).toString('latin1'))));
  });
}

function parse(received: string): WireAnswer {
  // `100 Continue` stands before the answer.
  const text = received.replace(/^(HTTP\/1\.1 100 [^\r]*\r\n\r\n)+/, '');
  const end = text.indexOf('\r\n\r\n');
  const [, status] = /^HTTP\/1\.[01] (\d{3}) /.exec(text) ?? [];
  if (end < 0 || status === undefined) return { kind: 'nothing' };
  return { kind: 'response', status: Number(status), head: text.slice(0, end), body: text.slice(end + 4) };
}
