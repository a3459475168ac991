import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import type { Forget } from '../node/chaos/forgets.ts';
import type { Call } from '../node/chaos/history.ts';
import { Random } from '../node/chaos/random.ts';
import { Clock, pass, worldNow } from './clock.ts';
import { answersTo, seenOf } from './counted.ts';
import { type FaultRates, Faults, FULL, NO_FAULTS } from './faults.ts';
import { type Judgement, judge } from './judge.ts';
import { HostileKv, KV_SETTLES_MS } from './kv.ts';
import { SimulatedObject } from './object.ts';
import { HostileOrigin } from './origin.ts';
import { ADMIN_TOKEN, HOT_MS, type KeyPlan, planOf, settings } from './plan.ts';
import { HostilePlatform } from './platform.ts';
import { outcomeOf } from './reading.ts';
import { register } from './registry.ts';
import gateway from './worker.ts';

/** What is special about a world. */
export interface WorldOptions {
  readonly seed: number;
  readonly faults: Partial<FaultRates>;
  /** How far each machine's clock is off, at most. */
  readonly clocksOffMs: number;
  readonly keys: number;
  /** Whether what leaves an object waits until what it has written is durable, as the platform promises. */
  readonly gated: boolean;
}

const WORKERS = 3;
/** A clock gains or loses a few seconds in a hundred, which is more than any machine's does. */
const CLOCK_PERIOD_MS = 1_000_000;

/** For how long things go wrong. */
const TROUBLE_MS = 110_000;
/** By then whatever waited has been done: retries of KV, alarms, and bodies have left. */
const SETTLED_AFTER_MS = HOT_MS + KV_SETTLES_MS + 40_000;
/** On a busy machine a call may take long. One that takes longer than this hangs. */
const CALL_MAX_MS = 400_000;

/** What happened in a world, and what it was held to. */
export interface WorldResult extends Judgement {
  readonly faults: ReadonlyMap<string, number>;
  readonly calls: number;
  readonly runs: number;
  /** By what was answered. */
  readonly answers: ReadonlyMap<string, number>;
}

/** Lets a world with its own seed happen, and judges what happened in it. */
export async function happen(options: WorldOptions): Promise<WorldResult> {
  return new World(options).run();
}

let worlds = 0;

class World {
  readonly #options: WorldOptions;
  readonly #faults: Faults;
  readonly #kv: HostileKv;
  readonly #origin = new HostileOrigin();
  readonly #platform: HostilePlatform;
  readonly #workers: readonly { readonly env: object; readonly clock: Clock }[];
  readonly #name: string;
  readonly #calls: Call[] = [];
  readonly #forgets: Forget[] = [];
  readonly #own: string[] = [];
  #lastCall = 0;
  #over = false;

  constructor(options: WorldOptions) {
    worlds += 1;
    this.#name = `world ${worlds}`;
    this.#options = options;
    const { seed, clocksOffMs } = options;
    const random = (of: number) => Random.of(seed, of);
    const clock = (of: number) =>
      new Clock(clocksOffMs, CLOCK_PERIOD_MS * (0.5 + random(of).number()), random(of).number());
    this.#faults = new Faults({ ...NO_FAULTS, ...options.faults }, random(20));
    this.#kv = new HostileKv(this.#faults, random(21));
    let objects = 0;
    this.#platform = new HostilePlatform(
      this.#faults,
      random(22),
      (name) => {
        objects += 1;
        return new SimulatedObject(name, clock(30 + objects), this.#faults);
      },
      (object) => this.#instance(object),
    );
    this.#workers = Array.from({ length: WORKERS }, (_, n) => ({
      env: {
        ...settings(),
        LEDGER: this.#platform.namespace,
        RESULTS: this.#kv.binding(),
        ORIGIN: this.#unreachable(),
      },
      clock: clock(50 + n),
    }));
  }

  async run(): Promise<WorldResult> {
    const { seed, keys } = this.#options;
    const plans = Array.from({ length: keys }, (_, index) => planOf(seed, index));
    const alarms = this.#alarms();
    const until = worldNow() + TROUBLE_MS;
    await Promise.all(plans.map((plan, index) => this.#live(plan, Random.of(seed, 3, index), until)));
    this.#faults.calm();
    const calmFrom = worldNow();
    await pass(SETTLED_AFTER_MS);
    for (const plan of plans) await this.#send(plan);
    this.#over = true;
    await alarms;
    return this.#judge(calmFrom);
  }

  #instance(object: SimulatedObject) {
    const name = `${this.#name} ${object.instanceName}`;
    register(env.INSTANCES.idFromName(name).toString(), {
      name,
      object,
      env: (storage) => ({
        ...settings(),
        LEDGER: this.#platform.namespace,
        RESULTS: this.#kv.binding(() => storage.gate()),
        ORIGIN: {
          fetch: async (request: Request, init: { signal?: AbortSignal } = {}) => {
            if (this.#options.gated) await storage.gate();
            object.trace.sent(storage, request);
            return this.#origin.answer(request, init.signal ?? null);
          },
        },
      }),
    });
    return env.INSTANCES.getByName(name);
  }

  #unreachable(): object {
    return { fetch: () => Promise.reject(new Error('only the ledger sends keyed requests')) };
  }

  async #alarms(): Promise<void> {
    while (!this.#over) {
      await this.#platform.ringAlarms();
      await pass(500);
    }
  }

  /** All that happens to a key while things go wrong: calls at random times, and perhaps a forget. */
  async #live(plan: KeyPlan, random: Random, until: number): Promise<void> {
    await pass(random.number() * TROUBLE_MS * 0.4);
    await Promise.all(
      Array.from({ length: plan.duplicates }, async () => {
        await pass(random.number() * 300);
        await this.#send(plan);
      }),
    );
    for (let n = 0; worldNow() < until; n += 1) {
      await pass(random.number() * random.pick([1_000, 10_000, 60_000]));
      await this.#send(plan);
      if (!plan.forgets || n !== 1) continue;
      // Each Worker has a lease then. When it is forgotten, none may answer from it any more.
      const workers = this.#workers.keys().toArray();
      for (let times = 0; times < 2; times += 1) await Promise.all(workers.map((at) => this.#send(plan, at)));
      await this.#forget(plan);
      await Promise.all(workers.map((at) => this.#send(plan, at)));
    }
  }

  async #send(plan: KeyPlan, at = this.#lastCall % WORKERS): Promise<void> {
    this.#lastCall += 1;
    const number = this.#lastCall;
    const worker = this.#workers[at];
    if (worker === undefined) throw new Error('there is no such Worker');
    const startedAt = worldNow();
    const path = plan.subject.route.replace('*', 'orders');
    const { subject, behaviours, bytes, pieces, gapMs } = plan;
    const order = encodeURIComponent(JSON.stringify({ subject, behaviours, bytes, pieces, gapMs }));
    const request = new Request(`https://gate.example${path}?plan=${order}`, {
      method: 'POST',
      headers: { 'idempotency-key': subject.key, 'x-call': String(number), 'content-type': 'text/plain' },
      body: plan.body,
    });
    const answered = worker.clock.run(async () => {
      return outcomeOf(await ask(request, worker.env));
    });
    const outcome = await Promise.race([answered, pass(CALL_MAX_MS).then(() => null)]);
    if (outcome === null) this.#own.push(`call ${number} for ${JSON.stringify(subject)} hung`);
    const call: Call = {
      ...subject,
      body: plan.body,
      startedAt,
      endedAt: worldNow(),
      outcome: outcome ?? { kind: 'broken', by: 'gateway', from: null },
    };
    this.#calls.push(call);
    const saysUnsent =
      outcome?.kind === 'problem' &&
      ['ledger-unavailable', 'gateway-busy', 'caller-limit'].includes(outcome.slug);
    if (saysUnsent && this.#origin.ranFor(number)) {
      this.#own.push(`call ${number} for ${JSON.stringify(subject)} was told ${outcome.slug}, and had run`);
    }
  }

  async #forget(plan: KeyPlan): Promise<void> {
    const worker = this.#workers[0];
    if (worker === undefined) return;
    const order = async (path: string, method: string, more: Record<string, string> = {}) => {
      const request = new Request(`https://gate.example/_oncegate/${path}`, {
        method,
        headers: { authorization: `Bearer ${ADMIN_TOKEN}`, ...more },
      });
      return worker.clock.run(() => ask(request, worker.env));
    };
    const { key } = plan.subject;
    const list = await order('executions', 'GET', { 'oncegate-key': key });
    const { executions }: { executions?: { id: string }[] } = await list.json();
    const id = executions?.[0]?.id;
    if (id === undefined) return;
    const startedAt = worldNow();
    let answer: Forget['answer'] = 'unsure';
    let wasUnsure = false;
    for (let attempt = 0; attempt < 6 && answer === 'unsure'; attempt += 1) {
      if (attempt > 0) await pass(2_000);
      const { status } = await order(`executions/${id}`, 'DELETE');
      if (status === 204) answer = 'forgotten';
      else if (status === 404) answer = wasUnsure ? 'forgotten' : 'absent';
      else if (status === 409) answer = 'running';
      else wasUnsure = true;
    }
    // What runs may be the next execution already.
    if (wasUnsure && answer === 'running') answer = 'unsure';
    this.#forgets.push({ ...plan.subject, startedAt, endedAt: worldNow(), answer });
  }

  /** What the platform knows of a key that something is said of. */
  #traceOf(violation: string): string {
    const [, route, key] = SUBJECT.exec(violation) ?? [];
    const object = this.#platform.objects.find(({ name }) => name === `${route}:0`);
    return object === undefined || key === undefined ? '' : `\n  in the object\n${object.trace.of(key)}`;
  }

  #judge(calmFrom: number): WorldResult {
    const { seed, clocksOffMs } = this.#options;
    const { objects, interrupted } = this.#platform;
    const { runs } = this.#origin;
    const judgement = judge({
      calls: this.#calls,
      runs,
      forgets: this.#forgets,
      deaths: new Map(objects.map(({ name, deaths }) => [name.replace(/:0$/, ''), deaths])),
      interrupted,
      calmFrom,
      clocksOffMs,
      wasFull: this.#faults.counted.has(FULL),
    });
    return {
      ...judgement,
      faults: new Map([...this.#faults.counted, ...seenOf(this.#kv)]),
      calls: this.#calls.length,
      runs: runs.length,
      answers: answersTo(this.#calls),
      violations: [...objects.flatMap(({ flaws }) => flaws), ...this.#own, ...judgement.violations].map(
        (violation) => `seed ${seed}, ${violation}${this.#traceOf(violation)}`,
      ),
    };
  }
}

/** The route and the key of an execution, in what is said of it. */
const SUBJECT = /"(\/\w+\/\*)".*?"(key-\d+)/;

/** Has the gateway answer a request, as a Worker with these bindings. */
async function ask(request: Request, bindings: object): Promise<Response> {
  return gateway.fetch(request as IncomingRequest, bindings, createExecutionContext());
}

type IncomingRequest = Request<unknown, IncomingRequestCfProperties>;
