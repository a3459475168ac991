import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { PROMISES, type PromiseName } from '../chaos/checker.ts';
import { checkForgetful, type Forget, type ForgetfulVerdict } from '../chaos/forgets.ts';
import type { Call, CallOutcome, Policy, Provenance, Subject } from '../chaos/history.ts';
import { Random } from '../chaos/random.ts';
import { Clock, pass, worldNow } from './clock.ts';
import { type FaultRates, Faults, FULL, NO_FAULTS } from './faults.ts';
import { HostileKv, KV_SETTLES_MS } from './kv.ts';
import { SimulatedObject } from './object.ts';
import { type Behaviour, HostileOrigin, type OriginPlan } from './origin.ts';
import { HostilePlatform } from './platform.ts';
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

const ADMIN_TOKEN = 'the-admin-token-of-the-tests';
const WORKERS = 3;
/** Half of what is hot is longer than KV takes to settle. */
const HOT_SECONDS = 70;
const BRIEF_TTL_SECONDS = 60;
const LONG_TTL_SECONDS = 86_400;
const SILENCE_SECONDS = 20;
const MAX_RECORD_BYTES = 25_000_000;
/** A clock gains or loses a few seconds in a hundred, which is more than any machine's does. */
const CLOCK_PERIOD_MS = 1_000_000;

/** For how long things go wrong. */
const TROUBLE_MS = 110_000;
/** By then whatever waited has been done: retries of KV, alarms, and bodies have left. */
const SETTLED_AFTER_MS = HOT_SECONDS * 1000 + KV_SETTLES_MS + 40_000;
/** On a busy machine a call may take long. One that takes longer than this hangs. */
const CALL_MAX_MS = 400_000;

const ROUTES = {
  '/retry/*': { unknownOutcome: 'retry', ttlSeconds: LONG_TTL_SECONDS },
  '/refuse/*': { unknownOutcome: 'refuse', ttlSeconds: LONG_TTL_SECONDS },
  '/brief/*': { unknownOutcome: 'refuse', ttlSeconds: BRIEF_TTL_SECONDS },
} as const;

export interface WorldResult {
  readonly faults: ReadonlyMap<string, number>;
  readonly calls: number;
  readonly runs: number;
  /** By what was answered. */
  readonly answers: ReadonlyMap<string, number>;
  readonly checks: Readonly<Record<PromiseName, number>>;
  readonly forgotten: ForgetfulVerdict['forgotten'];
  /** Second runs that the contract allows, as what was sent before had an outcome that nobody knows. */
  readonly ranAgain: number;
  /** Each promise that was broken, and how. */
  readonly violations: readonly string[];
}

interface KeyPlan extends OriginPlan {
  readonly body: string;
  readonly duplicates: number;
  readonly forgets: boolean;
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
        return new SimulatedObject(name, clock(30 + objects), this.#faults, random(40 + objects));
      },
      (object) => this.#instance(object),
    );
    this.#workers = Array.from({ length: WORKERS }, (_, n) => ({
      env: {
        ...this.#settings(),
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
      object,
      env: (storage) => ({
        ...this.#settings(),
        LEDGER: this.#platform.namespace,
        RESULTS: this.#kv.binding(() => storage.gate()),
        ORIGIN: {
          fetch: async (request: Request, init: { signal?: AbortSignal } = {}) => {
            if (this.#options.gated) await storage.gate();
            return this.#origin.answer(request, init.signal ?? null);
          },
        },
      }),
    });
    return env.INSTANCES.getByName(name);
  }

  #settings(): object {
    return {
      ADMIN_TOKEN,
      HOT_SECONDS,
      LEDGER_SHARDS: 1,
      UPSTREAM_TIMEOUT_SECONDS: SILENCE_SECONDS,
      ROUTES: Object.entries(ROUTES).map(([path, route]) => ({ path, service: 'ORIGIN', ...route })),
    };
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

  #judge(calmFrom: number): WorldResult {
    const { clocksOffMs } = this.#options;
    const runs = this.#origin.runs;
    const violations = [...this.#own];
    const checks = Object.fromEntries(Object.keys(PROMISES).map((name) => [name, 0])) as Record<
      PromiseName,
      number
    >;
    const forgotten = { counted: 0, unsure: 0, excused: 0 };
    // What finds no room is handed on, and is known as not recorded.
    const maxRecordBytes = this.#faults.counted.has(FULL) ? 0 : MAX_RECORD_BYTES;
    const policies = new Map(
      Object.entries(ROUTES).map(([path, route]) => [path, policyOf(route, clocksOffMs, maxRecordBytes)]),
    );
    const { interrupted } = this.#platform;
    // An object's death is no excuse for what became of a key in another.
    for (const [path] of policies) {
      const object = this.#platform.objects.find(({ name }) => name === `${path}:0`);
      const isIts = ({ route }: Subject) => route === path;
      const verdict = checkForgetful({
        calls: this.#calls.filter(isIts),
        runs: runs.filter(isIts),
        deaths: object?.deaths ?? [],
        // While things go wrong, no answer is a fair answer.
        outages: [{ at: 0, until: calmFrom }],
        policies,
        forgets: this.#forgets.filter(isIts),
        ledgerGone: interrupted,
        kvSettlesMs: KV_SETTLES_MS,
      });
      for (const { promise, subject, explanation } of verdict.violations) {
        violations.push(`seed ${this.#options.seed}, ${promise} ${subject}: ${explanation}`);
      }
      for (const name of Object.keys(checks) as PromiseName[]) checks[name] += verdict.checks[name];
      for (const name of ['counted', 'unsure', 'excused'] as const)
        forgotten[name] += verdict.forgotten[name];
    }
    violations.push(...lateReplays(this.#calls, runs, clocksOffMs));
    return {
      faults: new Map([...this.#faults.counted, ...seenOf(this.#kv)]),
      calls: this.#calls.length,
      runs: runs.length,
      answers: countOf(this.#calls.map(nameOf)),
      checks,
      forgotten,
      ranAgain: ranAgain(runs, this.#forgets),
      violations,
    };
  }
}

/** Has the gateway answer a request, as a Worker with these bindings. */
async function ask(request: Request, bindings: object): Promise<Response> {
  return gateway.fetch(request as IncomingRequest, bindings, createExecutionContext());
}

type IncomingRequest = Request<unknown, IncomingRequestCfProperties>;

function planOf(seed: number, index: number): KeyPlan {
  const random = Random.of(seed, 2, index);
  const route = random.weighted([
    [40, '/retry/*'],
    [45, '/refuse/*'],
    [15, '/brief/*'],
  ]);
  const first = random.weighted<Behaviour>([
    [70, 'ok'],
    [10, 'fail'],
    [8, 'reset'],
    [8, 'truncate'],
    [4, 'stall'],
  ]);
  const { bytes, pieces, gapMs } = random.weighted([
    [50, { bytes: random.integer(0, 4_000), pieces: 1, gapMs: random.integer(0, 200) }],
    [25, { bytes: random.integer(1_000, 200_000), pieces: 6, gapMs: random.integer(50, 600) }],
    [25, { bytes: random.integer(550_000, 1_400_000), pieces: 8, gapMs: random.integer(0, 400) }],
  ]);
  return {
    subject: { route, caller: 'anonymous', key: `key-${index}` },
    body: `order ${index}`,
    behaviours: first === 'ok' ? [] : [first, ...(random.chance(0.3) ? (['fail'] as const) : [])],
    bytes,
    pieces,
    gapMs,
    duplicates: random.integer(1, 3),
    forgets: random.chance(0.25),
  };
}

/** Two clocks that differ, and move, take so much from a TTL at most. */
function policyOf(
  route: (typeof ROUTES)[keyof typeof ROUTES],
  clocksOffMs: number,
  maxRecordBytes: number,
): Policy {
  return {
    unknownOutcome: route.unknownOutcome,
    ttlMs: route.ttlSeconds * 1000 - 2 * clocksOffMs,
    silenceMs: SILENCE_SECONDS * 1000,
    maxRecordBytes,
  };
}

/** Runs under `retry` that came after one which had not failed. */
function ranAgain(runs: WorldRuns, forgets: readonly Forget[]): number {
  const forgotten = new Set(forgets.map(({ key }) => key));
  const itsRuns = Map.groupBy(
    runs.filter(({ route, key }) => route === '/retry/*' && !forgotten.has(key)),
    ({ key }) => key,
  );
  return [...itsRuns.values()].flatMap((all) => all.slice(0, -1)).filter(({ fate }) => fate !== 'failed')
    .length;
}

const LEASE_MS = 2_000;

/** No result is replayed after its TTL, but for what the clocks are off. */
function lateReplays(calls: readonly Call[], runs: WorldRuns, clocksOffMs: number): string[] {
  const ends = new Map(runs.map((run) => [run.run, run.endedAt]));
  return calls.flatMap(({ outcome, startedAt, route, key }) => {
    if (route !== '/brief/*' || outcome.kind !== 'response' || !outcome.replayed) return [];
    const endedAt = ends.get(outcome.from.run) ?? 0;
    const latest = endedAt + BRIEF_TTL_SECONDS * 1000 + 2 * clocksOffMs + LEASE_MS + SLACK_MS;
    return startedAt <= latest
      ? []
      : [`${key} was replayed ${Math.round(startedAt - latest)} ms after its TTL`];
  });
}

/** What lies between the end of a run at the origin and its record, on a busy machine and in a slow commit. */
const SLACK_MS = 8_000;

type WorldRuns = HostileOrigin['runs'];

function seenOf({ store }: HostileKv): [string, number][] {
  const { stale, staleMisses, outOfOrder } = store.seen;
  return [
    ['a read of KV saw another value than the last one', stale],
    ['a read of KV saw nothing where there was something', staleMisses],
    ['an earlier value came to KV after a later one', outOfOrder],
  ];
}

function countOf(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

function nameOf({ outcome }: Call): string {
  switch (outcome.kind) {
    case 'response':
      if (outcome.status >= 300) return 'the origin’s error';
      return outcome.replayed ? 'a replay' : 'a run';
    case 'problem':
      return `${outcome.status} ${outcome.slug}`;
    case 'stray':
      return `a bare ${outcome.status}`;
    case 'broken':
      return 'broken off';
  }
}

const decoder = new TextDecoder();

/** Reads a response to its end, and says what it is. */
async function outcomeOf(response: Response): Promise<CallOutcome> {
  const chunks: Uint8Array[] = [];
  let whole = true;
  try {
    for await (const chunk of response.body ?? []) chunks.push(chunk);
  } catch {
    whole = false;
  }
  const bytes = new Uint8Array(await new Blob(chunks).arrayBuffer());
  const from = provenanceIn(bytes);
  if (!whole) return { kind: 'broken', by: 'gateway', from };
  const { status, headers } = response;
  const type = headers.get('content-type') ?? '';
  if (type === 'application/problem+json') {
    const { type: url = '' }: { type?: string } = JSON.parse(decoder.decode(bytes));
    return { kind: 'problem', status, slug: url.split('/').at(-1) ?? '' };
  }
  if (from === null) return { kind: 'stray', status, text: decoder.decode(bytes.subarray(0, 200)) };
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)).toHex().slice(0, 12);
  return {
    kind: 'response',
    status,
    digest: `${status} ${digest}`,
    bytes: bytes.byteLength,
    replayed: headers.get('idempotent-replayed') === 'true',
    from,
  };
}

function provenanceIn(bytes: Uint8Array): Provenance | null {
  const end = bytes.indexOf(10);
  return end < 0 ? null : JSON.parse(decoder.decode(bytes.subarray(0, end)));
}
