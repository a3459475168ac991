import { env, exports } from 'cloudflare:workers';
import { expect, vi } from 'vitest';
import { identityOf } from '../../../src/request/identity.ts';
import {
  afterForget,
  afterLoss,
  afterVerdict,
  answerTo,
  forgotten,
  type Policy,
  type State,
  type Verdict,
} from './model.ts';
import { ledger, DAY_MS as TTL_MS } from './world.ts';

/** The scope of a caller without credentials. */
const ANONYMOUS = JSON.stringify({ cookie: null });

/** One execution of the real ledger, beside its model. */
export class Modelled {
  readonly #policy: Policy;
  readonly #path: string;
  readonly #route: string;
  readonly #key: string;
  #state: State = { kind: 'absent' };
  #body: 'first' | 'other' = 'first';
  #runs = 0;
  /**
   * How often its results may be put into RESULTS: once each, and again where it was lost what has become of
   * the first.
   */
  #putsAtMost = 0;
  #isWrittenDown = true;
  /** The requests that wait for the run under way. */
  #waiting: Promise<Response>[] = [];

  constructor(policy: Policy, path: string, route: string, key: string) {
    this.#policy = policy;
    this.#path = path;
    this.#route = route;
    this.#key = key;
  }

  get putsAtMost(): number {
    return this.#putsAtMost;
  }

  get idle(): boolean {
    return this.#state.kind !== 'running';
  }

  async request(body: 'first' | 'other'): Promise<void> {
    const expected = answerTo(this.#state, this.#policy, body === this.#body, Date.now());
    const response = this.#send(body);
    switch (expected.kind) {
      case 'runs':
        this.#runs += 1;
        this.#body = body;
        this.#state = { kind: 'running', run: this.#runs };
        this.#waiting = [response];
        await begun(this.#key, this.#runs, response);
        return;
      case 'joins':
        this.#waiting.push(response);
        // One request takes as many steps as the other: when this one is answered, that one has joined.
        expect((await this.#send(body, { prefer: 'wait=0' })).status).toBe(409);
        return;
      case 'replay': {
        const replay = await response;
        expect(replay.headers.get('idempotent-replayed')).toBe('true');
        expect(await replay.json()).toMatchObject({ run: expected.run });
        return;
      }
      case 'refusal':
        expect(await (await response).json()).toMatchObject({
          type: `https://gate.example/_oncegate/problems/${expected.slug}`,
        });
    }
  }

  #send(body: string, headers: Record<string, string> = {}): Promise<Response> {
    return exports.default.fetch(`https://gate.example${this.#path}/held/${this.#key}`, {
      method: 'POST',
      headers: { ...headers, 'idempotency-key': this.#key },
      body,
    });
  }

  async verdict(verdict: Verdict): Promise<void> {
    if (this.#state.kind !== 'running') return;
    const { run } = this.#state;
    await origin(`verdict/${this.#key}/${run}/${verdict}`);
    for (const waiting of this.#waiting) await expectVerdict(await waiting, verdict, run);
    this.#state = afterVerdict(run, verdict, this.#policy, Date.now() + TTL_MS);
    this.#waiting = [];
    if (verdict !== 'finish') return;
    this.#putsAtMost += 1;
    this.#isWrittenDown = false;
    // Nothing else happens while a result is on its way.
    const { id } = await identityOf(this.#route, ANONYMOUS, this.#key);
    const archivedAt = () =>
      ledger(this.#route)
        .inspect(id)
        .then((view) => view?.archivedAt);
    await expect.poll(archivedAt).not.toBeNull();
  }

  /** An alarm has come: what the object knows is written down. */
  writtenDown(): void {
    this.#isWrittenDown = true;
  }

  async forget(): Promise<void> {
    // Leases end by then, so that it need not be waited for.
    vi.setSystemTime(Date.now() + 3_000);
    const expected = forgotten(this.#state, Date.now());
    const { id } = await identityOf(this.#route, ANONYMOUS, this.#key);
    const result = await ledger(this.#route).forget(id);
    expect(result).toBe(expected);
    this.#state = afterForget(this.#state);
  }

  /**
   * The object was lost, or put away. Whoever waited hears that the outcome is unknown, and the run’s late
   * end changes nothing.
   */
  async lost(): Promise<void> {
    if (!this.#isWrittenDown) this.#putsAtMost += 1;
    this.#isWrittenDown = true;
    if (this.#state.kind !== 'running') return;
    const { run } = this.#state;
    for (const waiting of this.#waiting) {
      const response = await waiting;
      // It is asked about once more, and 409 only where the object is back by then.
      expect(this.#policy === 'refuse' ? [409, 502] : [502]).toContain(response.status);
      await response.body?.cancel();
    }
    await origin(`verdict/${this.#key}/${run}/finish`);
    this.#waiting = [];
    this.#state = afterLoss(this.#state, this.#policy, Date.now() + TTL_MS);
  }
}

async function expectVerdict(response: Response, verdict: Verdict, run: number): Promise<void> {
  switch (verdict) {
    case 'finish':
    case 'fail':
      expect(response.status).toBe(verdict === 'finish' ? 200 : 500);
      expect(await response.json()).toMatchObject({ run });
      return;
    case 'break-head':
      expect(response.status).toBe(502);
      return void (await response.body?.cancel());
    case 'break-body':
      await expect(response.text()).rejects.toThrow();
  }
}

/**
 * Resolves when the run is at the origin. Rejects where there is an answer before: a run answers after its
 * verdict.
 */
async function begun(key: string, run: number, response: Promise<Response>): Promise<void> {
  const arrived = origin(`arrived/${key}/${run}`).then(() => null);
  const early = await Promise.race([arrived, response]);
  if (early !== null) throw new Error(`expected a run and got ${early.status}: ${await early.text()}`);
}

async function origin(order: string): Promise<void> {
  await (await env.ORIGIN.fetch(`https://origin.example/${order}`)).text();
}
