/**
 * The chaos run: `npm run chaos [-- --short] [--hostile] [--large] [--seed N] [--keys N] [--clients N]`. It
 * sends load through a gateway that is killed again and again, to an origin that misbehaves, and holds what
 * clients and origin saw against the promises.
 *
 * `--hostile`: KV is one that takes its time, forgets, refuses and fails, and operators have executions
 * forgotten. `--large`: ten times as many large bodies.
 *
 * The same seed makes the same plan. When exactly a fault meets a request is up to the machine.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import bundle from '../harness/bundle.ts';
import '../harness/signals.ts';
import { RecordingClient } from './client.ts';
import { checkForgetful } from './forgets.ts';
import type { CallOutcome } from './history.ts';
import { CALM_KV, HOSTILE_KV, KvServer } from './kv-server.ts';
import { MortalGateway } from './mortal-gateway.ts';
import { RecordingOperator } from './operator.ts';
import { ChaosOrigin } from './origin.ts';
import { type FaultKind, faultPlans, type KeyPlan, keyPlan, policies, SCALES, settings } from './plan.ts';
import { type ChaosResult, printReport } from './report.ts';

/** What a key is asked on average; faults are spread over it. A little low, so that all of them come. */
const CALLS_PER_KEY = 3;
const MAX_ATTEMPTS = 12;
const RETRY_AFTER_MS = 100;
/** So often a key is asked as soon as it is forgotten. */
const CALLS_AFTER_FORGET = 3;
/** How long after the last call every run must have ended. */
const RUNS_END_WITHIN_MS = 15_000;

const { values: flags } = parseArgs({
  options: {
    short: { type: 'boolean' },
    hostile: { type: 'boolean' },
    large: { type: 'boolean' },
    seed: { type: 'string' },
    keys: { type: 'string' },
    clients: { type: 'string' },
  },
});
const scale = flags.short === true ? SCALES.short : SCALES.full;
const keys = Number(flags.keys ?? scale.keys);
const clients = Number(flags.clients ?? scale.clients);
const seed = Number(flags.seed ?? Date.now() % 1_000_000);
const world = { largeTimes: flags.large === true ? 10 : 1, forgets: flags.hostile === true ? 0.1 : 0 };
const kvBehaviour = flags.hostile === true ? HOSTILE_KV : CALM_KV;
const kv = new KvServer(seed, kvBehaviour);
console.log(`chaos: seed ${seed}, ${keys} keys; run it again with --seed ${seed}`);

bundle();
const storage = await mkdtemp(`${tmpdir()}/oncegate-chaos-`);
try {
  const result = await chaos();
  printReport(result);
  const { verdict, defects, endless, hung } = result;
  process.exitCode = verdict.violations.length + defects.length + endless + hung.length > 0 ? 1 : 0;
} finally {
  await rm(storage, { recursive: true, force: true });
}

async function chaos(): Promise<ChaosResult> {
  const startedAt = performance.now();
  const lateness = monitorEventLoopDelay();
  lateness.enable();
  const origin = new ChaosOrigin();
  const gateway = new MortalGateway(settings(await origin.start()), storage, await kv.start());
  const client = new RecordingClient();
  const operator = new RecordingOperator();
  const plans = Array.from({ length: keys }, (_, index) => keyPlan(seed, index, world));

  const working = inParallel(plans, clients, (plan) => live(plan, client, operator, gateway));
  const inflicted = await inflictAll(gateway, client, working);
  await working;
  // Every key is asked once more, long after most of them left the ledger for RESULTS.
  await inParallel(plans, clients, async (plan) => client.send(await gateway.url(), plan));

  const deadline = performance.now() + RUNS_END_WITHIN_MS;
  while (origin.active > 0 && performance.now() < deadline) await sleep(100);
  const endless = origin.active;
  await gateway.stop();
  client.stop();
  origin.stop();
  const { calls, left, hung } = client;
  const { runs, behaved } = origin;
  kv.stop();
  const { deaths, outages, ledgerOutages, defects } = gateway;
  const { forgotten, ...verdict } = checkForgetful({
    calls,
    runs,
    deaths,
    outages,
    policies: policies(),
    forgets: operator.forgets,
    ledgerGone: [...deaths, ...ledgerOutages],
    kvSettlesMs: kvBehaviour.settlesMs,
  });
  const seconds = (performance.now() - startedAt) / 1000;
  return {
    seed,
    keys,
    seconds,
    calls,
    runs,
    inflicted,
    behaved,
    left,
    hung,
    ownLatenessMs: lateness.max / 1e6,
    deaths,
    endless,
    defects,
    verdict,
    hostile: flags.hostile !== true ? null : { ...kv.seen, ...kv.inflicted, ...forgotten },
  };
}

/** All that happens to one key, but for the last question. */
async function live(
  plan: KeyPlan,
  client: RecordingClient,
  operator: RecordingOperator,
  gateway: MortalGateway,
): Promise<void> {
  const outcomes = await Promise.all(
    plan.duplicates.map(async ({ afterMs, leave }) => {
      await sleep(afterMs);
      return client.send(await gateway.url(), plan, leave);
    }),
  );
  let settled = outcomes.some(isFinal);
  for (let attempt = 0; !settled && attempt < MAX_ATTEMPTS; attempt += 1) {
    if (attempt > 0) await sleep(RETRY_AFTER_MS);
    settled = isFinal(await client.send(await gateway.url(), plan));
  }
  if (plan.replay) await client.send(await gateway.url(), plan);
  if (plan.forget) {
    await operator.forget(await gateway.url(), plan.subject);
    for (let n = 0; n < CALLS_AFTER_FORGET; n += 1) await client.send(await gateway.url(), plan);
  }
  if (plan.reuse) await client.send(await gateway.url(), plan, 'never', `${plan.body}, changed`);
}

/** Whether a client stops retrying: it has a success, or an answer that no retry changes. */
function isFinal(outcome: CallOutcome): boolean {
  if (outcome.kind === 'response') return outcome.status < 300;
  return outcome.kind === 'problem' && ['outcome-unknown', 'not-recorded'].includes(outcome.slug);
}

/** Inflicts each fault when its time has come, and no more when the work is done. */
async function inflictAll(
  gateway: MortalGateway,
  client: RecordingClient,
  working: Promise<void>,
): Promise<Map<FaultKind, number>> {
  const inflicted = new Map<FaultKind, number>();
  let done = false;
  const end = working.finally(() => {
    done = true;
  });
  for (const fault of faultPlans(seed, scale, keys * CALLS_PER_KEY)) {
    while (!done && client.calls.length < fault.afterCalls) await Promise.race([sleep(5), end]);
    if (done) break;
    await gateway.inflict(fault);
    inflicted.set(fault.kind, (inflicted.get(fault.kind) ?? 0) + 1);
  }
  return inflicted;
}

async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
