import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Marks what the origin said, so that it is told from what the gateway or the runtime said. */
export const ORIGIN_MARK = 'x-origin: yes';

/** An API that answers everything, now and then with an error, and remembers what reached it. */
export class FuzzOrigin {
  readonly #reached = new Set<string>();
  /** Lenient, so that it takes whatever field values the gateway lets through. */
  readonly #server = createServer({ insecureHTTPParser: true }, (request, response) => {
    const [id = ''] = /fuzz-\d+-/.exec(request.url ?? '') ?? [];
    this.#reached.add(id);
    const [name, value] = ORIGIN_MARK.split(': ');
    response.setHeader(name ?? '', value ?? '');
    request.resume();
    request.on('end', () => {
      response.statusCode = Number(/\d+/.exec(id)?.[0]) % 11 === 0 ? 503 : 200;
      response.end(`answer to ${id}`);
    });
  });

  async start(): Promise<string> {
    // What this parser does not take is the origin's answer too.
    this.#server.on('clientError', (_, socket) => {
      socket.end(`HTTP/1.1 400 Bad Request\r\n${ORIGIN_MARK}\r\nConnection: close\r\n\r\n`);
    });
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  saw(id: string): boolean {
    return this.#reached.has(id);
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
