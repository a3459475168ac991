import type { Results } from '../results.ts';
import type { ScenarioName } from '../scenarios.ts';
import { comparisons } from './limits.ts';
import { table } from './table.ts';

/** What a keyed request may take of what the limit takes, and so what is left of its rate. */
const CPU_OF_LIMIT_MAX = 1.4;
const RATE_OF_LIMIT_MIN = 1 / CPU_OF_LIMIT_MAX;
const UNKEYED_RATE_MIN = 0.85;
const OF_OBJECT_PER_KEY_MIN = 4;
const STORM_OF_STATIC_MIN = 0.5;
const FLATNESS_MIN = 0.9;
const FIRST_BYTE_MAX_MS = 1;
/** An object in between takes 102 without reading a byte. */
const SILENT_STREAM_MAX_KB = 130;
const MIB = 1024 * 1024;
const FIRST_RUN_MIN_MB = 250;
const REPLAY_MIN_MB = 700;

interface Goal {
  readonly what: string;
  readonly bound: '≥' | '≤';
  readonly goal: number;
  readonly found: number;
  readonly unit?: string;
}

/** Each goal, what was found, and whether that meets it. */
export function goals(results: Results): string {
  const all = [...ofLimits(results), ...ofOthers(results), ...ofStreams(results), ...ofLargeBodies(results)];
  return table(
    ['', 'goal', 'found', ''],
    all.map(({ what, bound, goal, found, unit = '' }) => {
      const met = bound === '≥' ? found >= goal : found <= goal;
      return [
        what,
        `${bound} ${Number(goal.toFixed(2))}${unit}`,
        found.toFixed(2),
        met ? 'met' : '**missed**',
      ];
    }),
  );
}

function ofLimits({ throughput }: Results): Goal[] {
  return comparisons(throughput).flatMap(({ what, storage, own, rate, cpu }): Goal[] => {
    if (own.scenario === 'bypass')
      return [
        { what: `${what}: rate, of the plain Worker proxy`, bound: '≥', goal: UNKEYED_RATE_MIN, found: rate },
      ];
    const of = `of the ledger’s limit, ${storage}`;
    return [
      { what: `${what}: CPU, ${of}`, bound: '≤', goal: CPU_OF_LIMIT_MAX, found: cpu, unit: ' ×' },
      { what: `${what}: rate, ${of}`, bound: '≥', goal: RATE_OF_LIMIT_MIN, found: rate, unit: ' ×' },
    ];
  });
}

function ofOthers({ throughput, storedKeys }: Results): Goal[] {
  const rate = (contender: string, scenario: ScenarioName, storage: string) =>
    throughput.find(
      (figure) =>
        figure.contender === contender && figure.scenario === scenario && figure.storage === storage,
    )?.perSecond ?? Number.NaN;
  const flat = (figures: readonly number[]) => Math.min(...figures) / Math.max(...figures);
  return [
    {
      what: 'first run: rate, of the object per key, disk',
      bound: '≥',
      goal: OF_OBJECT_PER_KEY_MIN,
      found: rate('Oncegate', 'first', 'disk') / rate('Object per key', 'first', 'disk'),
      unit: ' ×',
    },
    {
      what: 'replay, 300 keys again and again: rate, of a static reply',
      bound: '≥',
      goal: STORM_OF_STATIC_MIN,
      found: rate('Oncegate', 'storm', 'tmpfs') / rate('Limit: static reply (Hono)', 'first', 'none'),
    },
    {
      what: 'first run: rate, fewest to most stored keys',
      bound: '≥',
      goal: FLATNESS_MIN,
      found: flat(storedKeys.map((figure) => figure.firstPerSecond)),
    },
    {
      what: 'replay: rate, fewest to most stored keys',
      bound: '≥',
      goal: FLATNESS_MIN,
      found: flat(storedKeys.map((figure) => figure.replayPerSecond)),
    },
  ];
}

function ofStreams({ firstByte, memory }: Results): Goal[] {
  const p50Ms = (name: string) => firstByte.find((latency) => latency.name === name)?.p50Ms ?? Number.NaN;
  const bytes = memory.find(({ name }) => name === 'Oncegate')?.bytesPerStream ?? Number.NaN;
  return [
    {
      what: 'first byte of an event stream later than direct, p50',
      bound: '≤',
      goal: FIRST_BYTE_MAX_MS,
      found: p50Ms('Oncegate') - p50Ms('direct'),
      unit: ' ms',
    },
    {
      what: 'memory of a silent stream',
      bound: '≤',
      goal: SILENT_STREAM_MAX_KB,
      found: bytes / 1000,
      unit: ' KB',
    },
  ];
}

function ofLargeBodies({ bodies }: Results): Goal[] {
  const mbPerSecond = (name: string) =>
    bodies.find((figure) => figure.bytes === MIB && figure.name === name)?.mbPerSecond ?? Number.NaN;
  return [
    {
      what: 'first run of 1 MiB',
      bound: '≥',
      goal: FIRST_RUN_MIN_MB,
      found: mbPerSecond('Oncegate, first run'),
      unit: ' MB/s',
    },
    {
      what: 'replay of 1 MiB',
      bound: '≥',
      goal: REPLAY_MIN_MB,
      found: mbPerSecond('Oncegate, replay'),
      unit: ' MB/s',
    },
  ];
}
