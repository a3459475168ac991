import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll } from 'vitest';
import { type GatewayOptions, startGateway } from './gateway.ts';
import { type Origin, startOrigin } from './origin.ts';
import type { RunningScript } from './process.ts';

/**
 * Starts something before the tests of a file and stops it after them, in the order in which a file says so,
 * and the other way round. What is returned stands for it, from then on: a file can say `const gateway = …`
 * once, above its tests.
 */
export function use<T extends object>(
  start: () => Promise<T>,
  stop: (started: T) => PromiseLike<void> | void,
): T {
  let started: T | undefined;
  beforeAll(async () => {
    started = await start();
  });
  afterAll(async () => {
    if (started !== undefined) await stop(started);
  });
  return new Proxy({} as T, {
    get: (_, name) => {
      if (started === undefined) throw new Error(`${String(name)} is asked for before it is started`);
      return Reflect.get(started, name);
    },
  });
}

/** The upstream API, for the tests of a file. */
export function useOrigin(): Origin {
  return use(startOrigin, (origin) => origin.stop());
}

/**
 * The gateway with these settings, for the tests of a file. They are asked for when what stands above them
 * has started.
 */
export function useGateway(options: () => GatewayOptions | Promise<GatewayOptions>): RunningScript {
  return use(
    async () => startGateway(await options()),
    (gateway) => gateway.stop(),
  );
}

/** An empty folder, for the tests of a file. */
export function useFolder(): string {
  const folder = mkdtempSync(`${tmpdir()}/oncegate-`);
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
