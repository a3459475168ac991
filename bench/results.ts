import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import type { BodyFigure } from './measure/bodies.ts';
import type { Latency } from './measure/latency.ts';
import type { StoredKeys } from './measure/stored-keys.ts';
import type { StreamMemory } from './measure/streams.ts';
import type { Throughput } from './measure/throughput.ts';

/** Everything one run of the benchmark found. */
export interface Results {
  readonly setting: Setting;
  readonly missing: readonly string[];
  readonly throughput: readonly Throughput[];
  readonly latency: readonly Latency[];
  readonly firstByte: readonly Latency[];
  readonly memory: readonly StreamMemory[];
  readonly storedKeys: readonly StoredKeys[];
  readonly bodies: readonly BodyFigure[];
}

/** On what it was found. */
export interface Setting {
  readonly command: string;
  readonly date: string;
  readonly minutes: number;
  readonly rounds: number;
  readonly sliceMs: number;
  readonly machine: string;
  readonly versions: readonly string[];
}

export function machine(): string {
  const [cpu] = cpus();
  return `${cpus().length} cores (${cpu?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB of memory, Linux`;
}

/** The versions of what took part. */
export function versions(): string[] {
  const packages = (path: string): Record<string, string> =>
    JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
  const peers: Record<string, string> = Object(Reflect.get(packages('peers/package.json'), 'dependencies'));
  const list = [
    `workerd ${packages('../node_modules/workerd/package.json').version}`,
    `Node ${process.versions.node}`,
    ...Object.entries(peers).map(([name, version]) => `${name} ${version}`),
  ];
  try {
    const redis = /v=(\S+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))?.[1];
    return [...list, `Redis ${redis}`];
  } catch {
    return list;
  }
}
