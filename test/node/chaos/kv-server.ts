import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventualStore } from '../../hostile/eventual-store.ts';
import { Random } from './random.ts';

/** How badly KV behaves. Probabilities are from 0 to 1. */
export interface KvBehaviour {
  readonly places: number;
  readonly settlesMs: number;
  readonly writeGapMs: number;
  /** A write that is answered 500. Half of those take effect all the same. */
  readonly writeFails: number;
  /** A write that takes up to `slowMs`, before it takes effect or after. */
  readonly writeIsSlow: number;
  readonly slowMs: number;
  /** A read comes in pieces, with up to so much time before each of them. */
  readonly readGapMs: number;
}

/** A minute is a second and a half here, and results stay in the ledger for two: see plan.ts. */
export const HOSTILE_KV: KvBehaviour = {
  places: 4,
  settlesMs: 1_500,
  writeGapMs: 50,
  writeFails: 0.02,
  writeIsSlow: 0.05,
  slowMs: 1_500,
  readGapMs: 10,
};

/** It does what it is told, at once and everywhere. */
export const CALM_KV: KvBehaviour = {
  places: 1,
  settlesMs: 0,
  writeGapMs: 0,
  writeFails: 0,
  writeIsSlow: 0,
  slowMs: 0,
  readGapMs: 0,
};

/** The pieces that a read comes in. */
const READ_PIECE_BYTES = 96 * 1024;

/**
 * Workers KV as workerd asks for it, over HTTP, in the process that checks. It outlives the gateway, as the
 * real one does: what was on its way when a gateway died arrives.
 */
export class KvServer {
  readonly inflicted = {
    'write failed': 0,
    'write failed, and took effect': 0,
    'write slow': 0,
    'read broken off': 0,
  };
  readonly #behaviour: KvBehaviour;
  readonly #random: Random;
  readonly #store: EventualStore<Buffer>;
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch(() => response.destroy());
  });

  constructor(seed: number, behaviour: KvBehaviour) {
    this.#behaviour = behaviour;
    this.#random = Random.of(seed, 9);
    const { places, settlesMs, writeGapMs } = behaviour;
    const now = () => performance.now();
    this.#store = new EventualStore({ random: Random.of(seed, 10), places, settlesMs, writeGapMs, now });
  }

  /** How often a place saw something else than the last write. */
  get seen(): EventualStore<Buffer>['seen'] {
    return this.#store.seen;
  }

  async start(): Promise<string> {
    this.#server.keepAliveTimeout = 120_000;
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname: key, searchParams } = new URL(request.url ?? '/', 'http://kv');
    if (request.method === 'GET' && key === '/') return this.#list(searchParams, response);
    if (request.method === 'GET') return this.#read(key, response);
    const value = request.method === 'PUT' ? await bodyOf(request) : null;
    await this.#write(key, value, response);
  }

  async #write(key: string, value: Buffer | null, response: ServerResponse): Promise<void> {
    const { writeFails, writeIsSlow, slowMs } = this.#behaviour;
    const random = this.#random;
    const fails = random.chance(writeFails);
    const takesEffect = !fails || random.chance(0.5);
    const slow = random.chance(writeIsSlow) ? random.number() * slowMs : 0;
    const before = random.chance(0.5);
    if (this.#store.refuses(key)) return void response.writeHead(429).end();
    if (slow > 0) this.inflicted['write slow'] += 1;
    if (slow > 0 && before) await sleep(slow);
    if (takesEffect) this.#store.write(key, value);
    if (slow > 0 && !before) await sleep(slow);
    if (fails) this.inflicted[takesEffect ? 'write failed, and took effect' : 'write failed'] += 1;
    response.writeHead(fails ? 500 : 200).end();
  }

  #list(query: URLSearchParams, response: ServerResponse): void {
    const place = this.#random.integer(0, this.#behaviour.places - 1);
    const limit = Number(query.get('key_count_limit') ?? 1_000);
    const names = this.#store.names(`/${query.get('prefix') ?? ''}`, place);
    const keys = names.slice(0, limit).map((name) => ({ name: name.slice(1) }));
    response.end(JSON.stringify({ keys, list_complete: names.length <= limit }));
  }

  async #read(key: string, response: ServerResponse): Promise<void> {
    const { places, readGapMs } = this.#behaviour;
    const value = this.#store.read(key, this.#random.integer(0, places - 1));
    if (readGapMs > 0) await sleep(this.#random.number() * readGapMs);
    if (value === null) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-length': value.byteLength });
    for (let at = 0; at < value.byteLength; at += READ_PIECE_BYTES) {
      if (readGapMs > 0 && at > 0) await sleep(this.#random.number() * readGapMs);
      if (response.destroyed) {
        this.inflicted['read broken off'] += 1;
        return;
      }
      response.write(value.subarray(at, at + READ_PIECE_BYTES));
    }
    response.end();
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}
