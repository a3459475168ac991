import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { type LoadGenerator, startLoad } from './load.ts';
import { type Running, startScript } from './processes/child.ts';

export type Storage = 'tmpfs' | 'disk';

/** What all contenders share: the upstream, the load generator, and where storage goes. */
export interface World {
  readonly origin: Running;
  readonly load: LoadGenerator;
  /** A KV namespace of its own. */
  startKv(): Promise<Running>;
  /** A folder that no one else has. It goes with the world. */
  folder(storage: Storage): string;
  /** Stops this process with the world, where nobody stopped it before. */
  keep(running: Running): Running;
  end(): Promise<void>;
}

export async function createWorld(): Promise<World> {
  const bases = {
    tmpfs: mkdtempSync('/dev/shm/oncegate-bench-'),
    disk: mkdtempSync(`${tmpdir()}/oncegate-bench-`),
  };
  const started: Running[] = [];
  const keep = (running: Running) => {
    started.push(running);
    return running;
  };
  const origin = keep(await startScript(new URL('processes/origin.ts', import.meta.url)));
  const load = await startLoad();
  return {
    origin,
    load,
    startKv: async () => keep(await startScript(new URL('processes/kv.ts', import.meta.url))),
    folder: (storage) => mkdtempSync(`${bases[storage]}/`),
    keep,
    end: async () => {
      load.stop();
      for (const running of started) await running.stop();
      for (const base of Object.values(bases)) rmSync(base, { recursive: true, force: true });
    },
  };
}

/** A port that was free a moment ago, for programs that have to be told one. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
