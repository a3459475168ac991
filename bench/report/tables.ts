import type { Throughput } from '../measure/throughput.ts';
import type { Results } from '../results.ts';
import type { ScenarioName } from '../scenarios.ts';
import { goals } from './goals.ts';
import { comparisons } from './limits.ts';
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
    '### Against the limits',
    againstLimits(throughput),
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

/** The gateway against the least that this platform lets anybody do for the same request. */
function againstLimits(throughput: readonly Throughput[]): string {
  return table(
    ['', 'storage', 'req/s', 'of the limit’s', '', 'CPU µs', 'of the limit’s', ''],
    comparisons(throughput).map(({ what, storage, own, limit, rate, cpu }) => [
      what,
      storage,
      whole(own.perSecond),
      whole(limit.perSecond),
      `× ${rate.toFixed(2)}`,
      whole(own.cpuMicros),
      whole(limit.cpuMicros),
      `× ${cpu.toFixed(2)}`,
    ]),
  );
}

/** A replay is measured against a static reply, all else against the proxy doing the same request. */
function limitOf(figure: Throughput, all: readonly Throughput[]): number | undefined {
  const against = ['retry', 'storm', 'reused'].includes(figure.scenario) ? 'static' : 'proxy';
  const scenario = against === 'static' || figure.scenario === 'chat' ? 'first' : figure.scenario;
  return all.find((other) => other.contender.includes(against) && other.scenario === scenario)?.perSecond;
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
