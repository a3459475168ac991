import { setTimeout as sleep } from 'node:timers/promises';
import { startGateway } from '../harness/gateway.ts';
import type { RunningScript } from '../harness/process.ts';
import type { Death, Interval } from './history.ts';
import type { FaultPlan } from './plan.ts';

/** Log lines that say that the gateway itself, not its surroundings, went wrong. */
const DEFECT = /"event":"(unexpected|sweep-failed|record-damaged|ledger-write-failed)"|Uncaught/;
/**
 * What the runtime logs as an exception of its own when a response breaks off, and when an object is ended.
 */
const EXPECTED = /ReadableStream received over RPC disconnected|reset on order/;

/**
 * The gateway on workerd itself, in processes of its own that die and come back on the same storage, and the
 * same port if they can.
 */
export class MortalGateway {
  readonly deaths: Death[] = [];
  readonly outages: Interval[] = [];
  /** Those of them that were the ledger's. */
  readonly ledgerOutages: Interval[] = [];
  /** Log lines of all its lives that point to a defect. */
  readonly defects: string[] = [];
  readonly #vars: Readonly<Record<string, unknown>>;
  readonly #storage: string;
  readonly #kvUrl: string;
  #process: Promise<RunningScript>;

  constructor(vars: Readonly<Record<string, unknown>>, storage: string, kvUrl: string) {
    this.#vars = vars;
    this.#storage = storage;
    this.#kvUrl = kvUrl;
    this.#process = this.#start(0);
  }

  /** Its URL, as soon as it answers. */
  async url(): Promise<string> {
    return (await this.#process).url;
  }

  async inflict({ kind, ms }: FaultPlan): Promise<void> {
    switch (kind) {
      case 'kill':
        return this.#kill();
      case 'ledger-reset':
        return this.#resetLedgers();
      case 'kv-outage':
        return this.#outage('kv', ms);
      case 'ledger-outage':
        return this.#outage('ledger', ms);
    }
  }

  async stop(): Promise<void> {
    const process = await this.#process;
    await process.stop();
    this.#collectDefects(process);
  }

  async #kill(): Promise<void> {
    const process = await this.#process;
    const at = performance.now();
    const { promise, resolve, reject } = Promise.withResolvers<RunningScript>();
    this.#process = promise;
    await process.kill();
    this.#collectDefects(process);
    // On a busy machine, somebody else may have been given its port meanwhile.
    this.#start(Number(new URL(process.url).port))
      .catch(() => this.#start(0))
      .then(resolve, reject);
    await promise;
    this.deaths.push({ at, until: performance.now() });
  }

  async #resetLedgers(): Promise<void> {
    const at = performance.now();
    await this.#order('POST', 'reset');
    this.deaths.push({ at, until: performance.now() });
  }

  async #outage(fault: 'kv' | 'ledger', ms: number): Promise<void> {
    const at = performance.now();
    await this.#order('POST', fault);
    await sleep(ms);
    await this.#order('DELETE', fault);
    const outage = { at, until: performance.now() };
    this.outages.push(outage);
    if (fault === 'ledger') this.ledgerOutages.push(outage);
  }

  async #order(method: 'POST' | 'DELETE', fault: string): Promise<void> {
    await fetch(`${await this.url()}/_fault/${fault}`, { method });
  }

  #start(port: number): Promise<RunningScript> {
    return startGateway({ vars: this.#vars, storage: this.#storage, port, faulty: true, kvUrl: this.#kvUrl });
  }

  #collectDefects(process: RunningScript): void {
    this.defects.push(...process.output.filter((line) => DEFECT.test(line) && !EXPECTED.test(line)));
  }
}
