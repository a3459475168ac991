/**
 * Workers KV as workerd asks for it, over HTTP, in a process of its own and in memory: as in production, what
 * a write costs KV itself is not paid by the Worker's process. `/_counts` tells the reads and writes since it
 * was last asked.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const values = new Map<string, Buffer>();
const counts = { reads: 0, misses: 0, writes: 0 };

const server = createServer((request, response) => {
  const [key = ''] = (request.url ?? '/').split('?');
  if (key === '/_counts') {
    response.end(JSON.stringify(counts));
    Object.assign(counts, { reads: 0, misses: 0, writes: 0 });
    return;
  }
  if (request.method === 'PUT') {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      counts.writes += 1;
      values.set(key, Buffer.concat(chunks));
      response.end();
    });
    return;
  }
  if (request.method === 'DELETE') {
    values.delete(key);
    response.end();
    return;
  }
  counts.reads += 1;
  const value = values.get(key);
  if (value === undefined) {
    counts.misses += 1;
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'content-length': value.byteLength }).end(value);
});

server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`ready http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
