import type { Throughput } from '../measure/throughput.ts';
import type { Results } from '../results.ts';
import type { ScenarioName } from '../scenarios.ts';
import { table } from './table.ts';

const SCENARIOS: Record<ScenarioName, string> = {
  first: 'first run',
  retry: 'replay, each key once',
  storm: 'replay, 300 keys again and again',
  joined: 'joined (8 callers a key, upstream 10 ms)',
  reused: '422, key reused',
  bypass: 'GET, not keyed',
  chat: 'LLM request, not keyed',
};

/** All figures as Markdown. */
export function tables(results: Results): string {
  const { throughput, latency, firstByte, memory, storedKeys, bodies } = results;
  return [
    '### Throughput',
    table(
      ['', 'storage', 'request', 'req/s', 'of its limit', 'p50 ms', 'p99 ms', 'CPU µs'],
      throughput.map((figure) => [
        figure.contender,
        figure.storage === 'none' ? '–' : figure.storage,
        SCENARIOS[figure.scenario],
        whole(figure.perSecond),
        ratio(figure.perSecond, limitOf(figure, throughput)),
        figure.p50Ms.toFixed(2),
        figure.p99Ms.toFixed(1),
        whole(figure.cpuMicros),
      ]),
    ),
    '### Goals',
    goals(results),
    '### One request at a time',
    latencyTable(latency, 'p50 ms', 'p99 ms'),
    '### First byte of an event stream',
    latencyTable(firstByte, 'p50 ms', 'p99 ms'),
    '### Memory of a silent stream',
    table(
      ['', 'KB a stream'],
      memory.map(({ name, bytesPerStream }) => [name, (bytesPerStream / 1000).toFixed(1)]),
    ),
    '### Stored keys',
    table(
      ['keys', 'first run req/s', 'replay req/s', 'slowest first answer after a restart, ms'],
      storedKeys.map((figure) => [
        whole(figure.keys),
        `${whole(figure.firstPerSecond)} (× ${ratio(figure.firstPerSecond, storedKeys[0]?.firstPerSecond)})`,
        `${whole(figure.replayPerSecond)} (× ${ratio(figure.replayPerSecond, storedKeys[0]?.replayPerSecond)})`,
        whole(figure.wakeMs),
      ]),
    ),
    '### Sizes of responses',
    table(
      ['size', '', 'req/s', 'MB/s', 'p50 ms'],
      bodies.map((figure) => [
        size(figure.bytes),
        figure.name,
        figure.perSecond < 10 ? figure.perSecond.toFixed(1) : whole(figure.perSecond),
        figure.mbPerSecond.toFixed(1),
        figure.p50Ms.toFixed(2),
      ]),
    ),
  ].join('\n\n');
}

/** A replay is measured against a static reply, all else against the proxy doing the same request. */
function limitOf(figure: Throughput, all: readonly Throughput[]): number | undefined {
  const against = ['retry', 'storm', 'reused'].includes(figure.scenario) ? 'static' : 'proxy';
  const scenario = against === 'static' || figure.scenario === 'chat' ? 'first' : figure.scenario;
  return all.find((other) => other.contender.includes(against) && other.scenario === scenario)?.perSecond;
}

function goals({ throughput, firstByte, memory, storedKeys }: Results): string {
  const rate = (contender: string, scenario: ScenarioName, storage?: string) =>
    throughput.find(
      (figure) =>
        figure.contender === contender &&
        figure.scenario === scenario &&
        (storage === undefined || figure.storage === storage),
    )?.perSecond;
  const firstByteOf = (name: string) =>
    firstByte.find((latency) => latency.name === name)?.p50Ms ?? Number.NaN;
  const flat = (figures: readonly number[]) => Math.min(...figures) / Math.max(...figures);
  const PROXY = 'Limit: plain Worker proxy';
  const peers = throughput.filter((figure) => figure.contender.includes('Redis'));
  const best = (scenario: ScenarioName, storage: string) =>
    Math.max(
      ...peers
        .filter((figure) => figure.scenario === scenario && figure.storage === storage)
        .map((figure) => figure.perSecond),
    );
  const first = rate('Oncegate', 'first', 'tmpfs') ?? Number.NaN;
  const retry = rate('Oncegate', 'retry', 'tmpfs') ?? Number.NaN;
  const storm = rate('Oncegate', 'storm', 'tmpfs') ?? Number.NaN;
  const onDisk = rate('Oncegate', 'first', 'disk') ?? Number.NaN;
  const rows: [string, string, number, boolean][] = [];
  const atLeast = (what: string, goal: number, value: number, suffix = '') =>
    rows.push([what, `≥ ${goal}${suffix}`, value, value >= goal]);
  const atMost = (what: string, goal: number, value: number, suffix: string) =>
    rows.push([what, `≤ ${goal}${suffix}`, value, value <= goal]);
  atLeast('first run, of the plain Worker proxy', 0.4, first / (rate(PROXY, 'first') ?? Number.NaN));
  const reply = rate('Limit: static reply (Hono)', 'first') ?? Number.NaN;
  atLeast('hot replay, 300 keys again and again, of a static reply', 0.5, storm / reply);
  atLeast('hot replay, each key once, of a static reply', 0.5, retry / reply);
  atLeast(
    'first run, of the object per key, tmpfs',
    4,
    first / (rate('Object per key', 'first', 'tmpfs') ?? Number.NaN),
    ' ×',
  );
  atLeast(
    'first run, of the object per key, disk',
    4,
    onDisk / (rate('Object per key', 'first', 'disk') ?? Number.NaN),
    ' ×',
  );
  if (peers.length > 0) {
    atLeast('first run, of the best peer, in memory', 1, first / best('first', 'tmpfs'), ' ×');
    atLeast('first run, of the best peer, on disk', 1, onDisk / best('first', 'disk'), ' ×');
    atLeast('replay again and again, of the best peer', 1, storm / best('storm', 'tmpfs'), ' ×');
    atLeast('replay, each key once, of the best peer', 1, retry / best('retry', 'tmpfs'), ' ×');
  }
  atLeast(
    'GET that is not keyed, of the plain Worker proxy',
    0.9,
    (rate('Oncegate', 'bypass') ?? Number.NaN) / (rate(PROXY, 'bypass') ?? Number.NaN),
  );
  atLeast(
    'first run, fewest to most stored keys',
    0.9,
    flat(storedKeys.map((figure) => figure.firstPerSecond)),
  );
  atLeast(
    'replay, fewest to most stored keys',
    0.9,
    flat(storedKeys.map((figure) => figure.replayPerSecond)),
  );
  atMost('first byte later than direct', 1, firstByteOf('Oncegate') - firstByteOf('direct'), ' ms');
  atMost(
    'memory of a silent stream',
    64,
    (memory.find(({ name }) => name === 'Oncegate')?.bytesPerStream ?? Number.NaN) / 1000,
    ' KB',
  );
  return table(
    ['', 'goal', 'found', ''],
    rows.map(([what, goal, value, met]) => [what, goal, value.toFixed(2), met ? 'met' : '**missed**']),
  );
}

function latencyTable(all: Results['latency'], ...columns: string[]): string {
  const [direct] = all;
  return table(
    ['', ...columns, 'added at p50', 'added at p99'],
    all.map(({ name, p50Ms, p99Ms }) => [
      name,
      p50Ms.toFixed(2),
      p99Ms.toFixed(2),
      direct === undefined || name === direct.name ? '–' : (p50Ms - direct.p50Ms).toFixed(2),
      direct === undefined || name === direct.name ? '–' : (p99Ms - direct.p99Ms).toFixed(2),
    ]),
  );
}

function ratio(value: number, of: number | undefined): string {
  return of === undefined ? '–' : (value / of).toFixed(2);
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en').replaceAll(',', ' ');
}

function size(bytes: number): string {
  return bytes >= 1024 * 1024 ? `${bytes / 1024 / 1024} MiB` : `${bytes / 1024} KiB`;
}
