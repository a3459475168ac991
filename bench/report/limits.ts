import type { Throughput } from '../measure/throughput.ts';
import type { ScenarioName } from '../scenarios.ts';

/** One kind of request, of the gateway and of the limit that it is measured by. */
export interface Comparison {
  readonly what: string;
  readonly storage: string;
  readonly own: Throughput;
  readonly limit: Throughput;
  /** The gateway's requests a second, and its CPU time for each, as shares of the limit's. */
  readonly rate: number;
  readonly cpu: number;
}

const OWN = 'Oncegate';
const REFUSING = 'Oncegate, unknown outcomes refused';

/** [what, gateway, limit, request, storage of the gateway, storage of the limit] */
const PAIRS: readonly [string, string, string, ScenarioName, string, string][] = [
  ['first run', OWN, 'Limit: ledger', 'first', 'tmpfs', 'tmpfs'],
  ['first run', OWN, 'Limit: ledger', 'first', 'disk', 'disk'],
  ['first run, unknown outcomes refused', REFUSING, 'Limit: ledger, two commits', 'first', 'tmpfs', 'tmpfs'],
  ['first run, unknown outcomes refused', REFUSING, 'Limit: ledger, two commits', 'first', 'disk', 'disk'],
  ['replay that asks the ledger', OWN, 'Limit: ledger', 'retry', 'tmpfs', 'tmpfs'],
  ['replay that asks the ledger', OWN, 'Limit: ledger', 'retry', 'disk', 'disk'],
  ['GET, not keyed', OWN, 'Limit: plain Worker proxy', 'bypass', 'tmpfs', 'none'],
];

/** Whatever of them was measured. */
export function comparisons(throughput: readonly Throughput[]): Comparison[] {
  const find = (contender: string, scenario: ScenarioName, storage: string) =>
    throughput.find(
      (figure) =>
        figure.contender === contender && figure.scenario === scenario && figure.storage === storage,
    );
  return PAIRS.flatMap(([what, gateway, limitName, scenario, storage, limitStorage]) => {
    const own = find(gateway, scenario, storage);
    const limit = find(limitName, scenario, limitStorage);
    if (own === undefined || limit === undefined) return [];
    const rate = own.perSecond / limit.perSecond;
    return [{ what, storage, own, limit, rate, cpu: own.cpuMicros / limit.cpuMicros }];
  });
}
