import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type Running, start, startScript } from './processes/child.ts';
import type { ScenarioName } from './scenarios.ts';
import { startWorker } from './workerd.ts';
import { freePort, type Storage, type World } from './world.ts';

export interface Contender {
  readonly name: string;
  readonly storage: Storage | 'none';
  readonly scenarios: readonly ScenarioName[];
  /** In lower case, what the head of a replay holds; where nothing tells, the upstream's count has to. */
  readonly replayedHead?: string;
  start(world: World): Promise<Running>;
}

/** `UNKNOWN_OUTCOME` */
export type UnknownOutcome = 'retry' | 'refuse';

const LEDGER = { binding: 'LEDGER', className: 'Ledger' };
const REPLAYED = 'idempotent-replayed: true';

/** The gateway on workerd. */
export async function startOncegate(
  world: World,
  storage: Storage,
  vars: Record<string, string> = {},
  folder = world.folder(storage),
): Promise<Running> {
  return startWorker({
    entry: new URL('../src/index.ts', import.meta.url),
    folder,
    objects: LEDGER,
    kvUrl: (await world.startKv()).url,
    vars: { UPSTREAM_URL: world.origin.url, ...vars },
  });
}

/** One of the Workers that the gateway is compared with. */
export async function startBenchWorker(
  world: World,
  name: 'static' | 'proxy' | 'ledger' | 'middleware' | 'object-per-key',
  storage: Storage = 'tmpfs',
  vars: Record<string, string> = {},
): Promise<Running> {
  const keys = { binding: 'KEYS', className: 'IdempotencyKey' };
  const objects = { ledger: LEDGER, middleware: LEDGER, 'object-per-key': keys };
  return startWorker({
    entry: new URL(`workers/${name}.ts`, import.meta.url),
    folder: world.folder(storage),
    kvUrl: (await world.startKv()).url,
    vars: { UPSTREAM_URL: world.origin.url, ...vars },
    ...(name === 'static' || name === 'proxy' ? {} : { objects: objects[name] }),
  });
}

/**
 * The least that a ledger does, with as many commits for a first run as the policy for unknown outcomes asks
 * for.
 */
export function startLedgerLimit(
  world: World,
  storage: Storage,
  unknownOutcome: UnknownOutcome,
): Promise<Running> {
  return startBenchWorker(world, 'ledger', storage, { COMMITS: unknownOutcome === 'retry' ? '1' : '2' });
}

/** A larger response does not fit into the one row in which {@link startLedgerLimit} keeps it. */
export const LEDGER_LIMIT_MAX_BYTES = 1_900_000;

const STORAGES = ['tmpfs', 'disk'] as const;

const limits: Contender[] = [
  {
    name: 'Limit: static reply (Hono)',
    storage: 'none',
    scenarios: ['first'],
    start: (world) => startBenchWorker(world, 'static'),
  },
  {
    name: 'Limit: plain Worker proxy',
    storage: 'none',
    scenarios: ['first', 'bypass', 'joined'],
    start: (world) => startBenchWorker(world, 'proxy'),
  },
  ...STORAGES.map(
    (storage): Contender => ({
      name: 'Limit: ledger',
      storage,
      scenarios: ['first', 'retry'],
      start: (world) => startLedgerLimit(world, storage, 'retry'),
    }),
  ),
  ...STORAGES.map(
    (storage): Contender => ({
      name: 'Limit: ledger, two commits',
      storage,
      scenarios: ['first'],
      start: (world) => startLedgerLimit(world, storage, 'refuse'),
    }),
  ),
];

const oncegate: Contender[] = [
  {
    name: 'Oncegate',
    storage: 'tmpfs',
    scenarios: ['first', 'retry', 'storm', 'joined', 'reused', 'bypass'],
    replayedHead: REPLAYED,
    start: (world) => startOncegate(world, 'tmpfs'),
  },
  {
    name: 'Oncegate, results in the ledger alone',
    storage: 'tmpfs',
    scenarios: ['first'],
    start: (world) => startOncegate(world, 'tmpfs', { RESULTS_FROM_BYTES: '524288' }),
  },
  {
    name: 'Oncegate',
    storage: 'disk',
    scenarios: ['first', 'retry', 'storm'],
    replayedHead: REPLAYED,
    start: (world) => startOncegate(world, 'disk'),
  },
  ...STORAGES.map(
    (storage): Contender => ({
      name: 'Oncegate, unknown outcomes refused',
      storage,
      scenarios: ['first'],
      start: (world) => startOncegate(world, storage, { UNKNOWN_OUTCOME: 'refuse' }),
    }),
  ),
  {
    name: 'Oncegate, as middleware',
    storage: 'tmpfs',
    scenarios: ['first', 'retry'],
    replayedHead: REPLAYED,
    start: (world) => startBenchWorker(world, 'middleware'),
  },
];

const objectPerKey: Contender[] = STORAGES.map((storage) => ({
  name: 'Object per key',
  storage,
  // Not `retry`: it answers each replay from KV, and so many objects have no file handles left.
  scenarios: storage === 'tmpfs' ? ['first', 'storm', 'joined', 'reused', 'bypass'] : ['first', 'storm'],
  replayedHead: REPLAYED,
  start: (world) => startBenchWorker(world, 'object-per-key', storage),
}));

const nodePeers: Contender[] = [
  { name: 'node-idempotency', storage: 'tmpfs' as const },
  { name: 'node-idempotency', storage: 'disk' as const },
  { name: 'express-idempotency', storage: 'tmpfs' as const },
].map(({ name, storage }) => ({
  name: `${name} + Redis (Node)`,
  storage,
  scenarios: [
    ...(storage === 'tmpfs' ? (['first', 'retry', 'storm'] as const) : (['first', 'storm'] as const)),
    ...(name === 'node-idempotency' ? (['reused'] as const) : []),
  ],
  ...(name === 'node-idempotency' ? { replayedHead: REPLAYED } : {}),
  start: async (world) =>
    startScript(
      new URL(`peers/${name}.ts`, import.meta.url),
      world.origin.url,
      await startRedis(world, storage),
    ),
}));

/** Its published build has no cache: without one it can only be measured as the proxy that it is. */
const portkey: Contender = {
  name: 'Portkey gateway (Node, repeats every request)',
  storage: 'none',
  scenarios: ['chat'],
  start: async () => {
    const script = new URL('peers/node_modules/@portkey-ai/gateway/build/start-server.js', import.meta.url);
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    return start(process.execPath, [script.pathname, `--port=${port}`, '--headless'], (line) =>
      line.includes('Ready for connections') ? url : undefined,
    );
  },
};

/** Everybody in the order of the tables, and what is missing here and why. */
export function contenders(): {
  readonly present: readonly Contender[];
  readonly missing: readonly string[];
} {
  const missing: string[] = [];
  if (!isInstalled('redis-server')) {
    missing.push(
      'The peers on Redis: there is no redis-server on this machine (Debian: `apt-get install redis-server`).',
    );
  }
  const redisPeers = missing.length === 0 ? nodePeers : [];
  return { present: [...limits, ...oncegate, ...objectPerKey, ...redisPeers, portkey], missing };
}

/** Installs the peers' packages, which are none of the gateway's. */
export function installPeers(): void {
  const folder = new URL('peers/', import.meta.url).pathname;
  if (existsSync(`${folder}node_modules`)) return;
  execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' });
}

/** In memory only, or, as strictly as the gateway's ledger, on disk before it answers. */
async function startRedis(world: World, storage: Storage): Promise<string> {
  const port = String(await freePort());
  const durability =
    storage === 'disk' ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
  const redis = await start(
    'redis-server',
    ['--port', port, '--bind', '127.0.0.1', '--save', '', '--dir', world.folder(storage), ...durability],
    (line) => (line.includes('Ready to accept connections') ? `redis://127.0.0.1:${port}` : undefined),
  );
  return world.keep(redis).url;
}

function isInstalled(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
