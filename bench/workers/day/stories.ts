import { askLedger } from '../../../src/ask/ask.ts';
import { Leases } from '../../../src/ask/leases.ts';
import type { LedgerNamespace } from '../../../src/inspection.ts';
import type { AskedAnswer, LedgerCall, Policy } from '../../../src/protocol.ts';
import { piecesOf } from '../../../src/record/format.ts';
import { Random } from '../../../test/node/chaos/random.ts';
import type { VirtualClock } from './clock.ts';
import type { CountingKv } from './kv.ts';
import { DAY_MS } from './lived.ts';
import type { CountedObject } from './object.ts';
import { type Fate, type Key, runOf, UPSTREAM_OUTAGE } from './plan.ts';
import { newStory, type Run, type Story } from './story.ts';
import type { Counted, Tally } from './tally.ts';
import { answerUpstream } from './upstream.ts';

/** Isolates that Workers run in. A client's requests come to the same one more often than not. */
const ISOLATES = 8;
const MAX_ATTEMPTS = 7;
/** The ledger gives a silent upstream up after so long. */
const SILENCE_MS = 600_000;
/** A result is durable so long after its run has ended, at most, if nothing happens to its object. */
const RECORDED_WITHIN_MS = 1_000;

export interface World {
  readonly seed: number;
  readonly shard: number;
  readonly clock: VirtualClock;
  readonly tally: Tally;
  readonly kv: CountingKv;
  readonly object: CountedObject;
  readonly policies: { readonly retry: Policy; readonly refuse: Policy };
}

/** All clients of the keys of one ledger object, and what they and the upstream may expect of it. */
export class Stories {
  /** What broke a promise, in words; the first few. */
  readonly violations: string[] = [];
  readonly #world: World;
  readonly #stories = new Map<number, Story>();
  readonly #leases = Array.from({ length: ISOLATES }, () => new Leases());
  readonly #ledger: LedgerNamespace;
  #lostAt: number[] = [];
  #runs = 0;

  constructor(world: World) {
    this.#world = world;
    const { stub } = world.object;
    this.#ledger = {
      getByName: () => stub,
      idFromName: (name: string) => name,
    } as unknown as LedgerNamespace;
  }

  /** Keys somebody may ask for. */
  get open(): number {
    return this.#stories.size;
  }

  /** The ledger object is lost, with all that it has in memory. */
  loseObject(): void {
    this.#lostAt.push(this.#world.clock.now);
    this.#world.object.lose();
  }

  /** In the place of the runtime's `fetch`. */
  readonly fetch = (request: Request, { signal }: { signal: AbortSignal }): Promise<Response> => {
    const { clock, tally, seed, shard, object } = this.#world;
    const story = this.#stories.get(Number(new URL(request.url).pathname.slice(1)));
    if (story === undefined) {
      this.#broken('a run of a key that nobody asks for');
      return Promise.reject(new Error('nobody asks for this'));
    }
    const { key } = story;
    this.#runs += 1;
    const run: Run = { number: this.#runs, startedAt: clock.now, fate: 'running', endedAt: Infinity };
    this.#judgeRun(story);
    story.runs += 1;
    story.run = run;
    const time = clock.now % DAY_MS;
    const isOut = time >= UPSTREAM_OUTAGE[0] && time < UPSTREAM_OUTAGE[1];
    const plan = runOf(seed, shard, key.number, story.runs, isOut);
    tally.add('runs');
    const ended = (fate: Fate) => {
      run.fate = fate;
      run.endedAt = clock.now;
      tally.add('upstreamMs', clock.now - run.startedAt);
      if (fate !== 'ok') return key.refuses ? tally.add('intentsInVain') : undefined;
      tally.add('results');
      tally.add('resultBytes', key.bytes);
      if (key.refuses) tally.add('resultsRefusing');
      const fullPieces = piecesOf(key.bytes) - 1;
      if (fullPieces <= 0) return;
      tally.add('largeResults');
      tally.add('largeBytes', key.bytes);
      tally.add('fullPieces', fullPieces);
    };
    const upstream = { plan, bytes: key.bytes, number: run.number, isAsked: object.presence(), ended };
    return answerUpstream(clock, upstream, signal);
  };

  /** All that happens to one key, from its first request on. */
  async live(key: Key): Promise<void> {
    const { clock, seed, shard, kv } = this.#world;
    const random = Random.of(seed, 5, shard, key.number);
    const story = newStory(key, random);
    this.#stories.set(key.number, story);
    if (key.asksAgainAfterMs.length > 0 && piecesOf(key.bytes) > 1) kv.want(story.id);
    const isolate = () =>
      (key.caller + (random.chance(0.3) ? random.integer(1, ISOLATES - 1) : 0)) % ISOLATES;

    const { twinAfterMs } = key;
    const twin =
      twinAfterMs === null ? null : clock.pause(twinAfterMs).then(() => this.#send(story, isolate()));
    let isLeft = key.leavesAfterMs !== null;
    let isUnheard = key.answerLost;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const settled = await this.#send(story, isolate(), isLeft ? key.leavesAfterMs : null);
      if (settled && !isUnheard) break;
      if (settled) isUnheard = false;
      isLeft = false;
      await clock.pause(1_000 * 2 ** attempt * (0.5 + random.number()));
    }
    await twin;
    if (key.reused) await this.#send(story, isolate(), null, 'another request');
    const from = isolate();
    for (let n = 0; n < (key.storm?.requests ?? 0); n += 1) {
      await clock.pause(key.storm?.everyMs ?? 0);
      await this.#send(story, from);
    }
    for (const afterMs of key.asksAgainAfterMs) {
      await clock.pause(afterMs);
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
        if (await this.#send(story, isolate())) break;
        await clock.pause(1_000 * 2 ** attempt * (0.5 + random.number()));
      }
    }
    this.#stories.delete(key.number);
    kv.unwant(story.id);
  }

  /** Returns whether the client stops retrying: it has a result, or an answer that no retry changes. */
  async #send(
    story: Story,
    isolate: number,
    leavesAfterMs: number | null = null,
    fingerprint = `fingerprint-of-the-request-${story.key.number}`.padEnd(43, '.'),
  ): Promise<boolean> {
    const { clock, tally } = this.#world;
    tally.add('requests');
    if (leavesAfterMs === null) return this.#answered(story, isolate, fingerprint, null);
    const answered = this.#answered(story, isolate, fingerprint, leavesAfterMs);
    return Promise.race([answered, clock.pause(leavesAfterMs).then(() => false)]);
  }

  async #answered(
    story: Story,
    isolate: number,
    fingerprint: string,
    leavesAfterMs: number | null,
  ): Promise<boolean> {
    const { clock, tally, kv, object } = this.#world;
    const leases = this.#leases[isolate];
    if (leases === undefined) throw new Error('no such isolate');
    const { id } = story;
    const leased = leases.replay(id, fingerprint, (_, lease, replays) =>
      object.stub.countReplays(id, lease, replays),
    );
    if (leased !== null) {
      tally.add('fromLeases');
      return this.#heard(story, leased.answer, leavesAfterMs);
    }
    const askedAt = clock.now;
    const access = { ledger: this.#ledger, results: kv.binding as unknown as KVNamespace };
    const objects = { path: '/*', shards: 1, location: null };
    const answer = await askLedger(access, objects, 0, this.#callOf(story, fingerprint));
    leases.keep(id, fingerprint, { id, shard: 0, keyHash: id }, answer, askedAt);
    return this.#heard(story, answer, leavesAfterMs);
  }

  async #heard(story: Story, answer: AskedAnswer, leavesAfterMs: number | null): Promise<boolean> {
    const { tally, object } = this.#world;
    this.#noteRepeat(story, answer);
    if (answer.outcome === 'refused') {
      tally.say(`refused: ${answer.reason}`);
      return ['key-reused', 'outcome-unknown', 'not-recorded'].includes(answer.reason);
    }
    if (answer.outcome !== 'executed' && answer.outcome !== 'joined' && answer.outcome !== 'replayed') {
      tally.say(answer.outcome);
      return false;
    }
    if (answer.body instanceof ReadableStream) {
      try {
        await object.read(answer.body, leavesAfterMs);
      } catch {
        tally.say(`${answer.outcome}, broken off`);
        return false;
      }
    }
    const { status, headers } = answer.head;
    tally.say(`${answer.outcome}, ${status}`);
    if (status !== 200) return false;
    if (leavesAfterMs !== null) return false;
    const number = Number(headers.find(([name]) => name === 'x-run')?.[1]);
    if (story.seen !== null && story.seen !== number) {
      this.#broken(`key ${story.key.number}: the result of run ${number} after that of run ${story.seen}`);
    }
    story.seen = number;
    return true;
  }

  #judgeRun(story: Story): void {
    const { key, run } = story;
    const after = run === null ? null : this.#whyAgain(story, run);
    if (after === null) return;
    if (after === 'runsAfterTtl') story.seen = null;
    if (isCounted(after)) this.#world.tally.add(after);
    else
      this.#broken(`key ${key.number} under ${key.refuses ? '`refuse`' : '`retry`'}: a run after ${after}`);
  }

  /**
   * Why a run may begin that comes after another, which is what the contract allows and nothing else; or what
   * it comes after.
   */
  #whyAgain({ key, seen }: Story, run: Run): Counted | string {
    const { clock, policies } = this.#world;
    if (run.endedAt + policies.retry.ttlMs <= clock.now) return 'runsAfterTtl';
    if (run.fate === 'failed') return 'runsAfterFailure';
    if (seen !== null) return 'a result that a client has seen';
    if (key.refuses) return 'one whose outcome is not known';
    const until = Math.min(clock.now, run.endedAt + RECORDED_WITHIN_MS);
    if (this.#lostAt.some((at) => at >= run.startedAt && at <= until)) return 'runsAfterLoss';
    const isGivenUp = run.fate !== 'silent' || run.startedAt + SILENCE_MS <= clock.now;
    const isUnknown = run.fate !== 'ok' && run.fate !== 'running' && isGivenUp;
    return isUnknown ? 'runsAfterUnknown' : `one that is ${run.fate}`;
  }

  #noteRepeat(story: Story, { outcome }: AskedAnswer): void {
    if (story.isRepeated || (outcome !== 'replayed' && outcome !== 'joined' && outcome !== 'refused')) return;
    story.isRepeated = true;
    this.#world.tally.add('repeatedKeys');
  }

  #callOf(story: Story, fingerprint: string): LedgerCall {
    const { policies } = this.#world;
    const { key, id, secret } = story;
    const caller = `caller-${key.caller}`.padEnd(43, '.');
    return {
      policy: JSON.stringify(key.refuses ? policies.refuse : policies.retry),
      id,
      caller,
      address: `address-of-${caller}`,
      secret,
      fingerprint,
      keyHash: id,
      method: 'POST',
      path: `/${key.number}`,
      trace: null,
      url: `https://upstream.example/${key.number}`,
      headers: [['content-type', 'application/json']],
      body: BODY,
      waitMs: 60_000,
      respondAfterMs: null,
      presence: null,
    };
  }

  #broken(how: string): void {
    this.#world.tally.say('BROKEN');
    if (this.violations.length < 20) this.violations.push(how);
  }
}

function isCounted(name: string): name is Counted {
  return name.startsWith('runsAfter');
}

const BODY = new TextEncoder().encode('{"amount":1200,"currency":"eur"}');
