import type { Provenance, Run, RunFate, Subject } from '../node/chaos/history.ts';
import { pass, worldNow } from './clock.ts';

export type Behaviour = 'ok' | 'fail' | 'reset' | 'truncate' | 'stall';

/** What the origin does on the nth run of a key, and `ok` from then on. It stands in the request. */
export interface OriginPlan {
  readonly subject: Subject;
  readonly behaviours: readonly Behaviour[];
  readonly bytes: number;
  readonly pieces: number;
  readonly gapMs: number;
}

interface RunUnderWay extends Provenance {
  /** The call that the run is of. */
  readonly call: number;
  readonly startedAt: number;
  endedAt: number | null;
  /** When it last got something out. */
  movedAt: number;
  fate: RunFate;
}

/** The API behind the gateway. It lives as long as the world, so its history is whole. */
export class HostileOrigin {
  readonly #runs: RunUnderWay[] = [];
  readonly #runsOf = new Map<string, number>();

  /** Whether a call has begun a run. */
  ranFor(call: number): boolean {
    return this.#runs.some((run) => run.call === call);
  }

  /** What ran. What nobody was left to read has been cut off. */
  get runs(): Run[] {
    return this.#runs.map(({ call: _, movedAt, ...run }) => ({ ...run, endedAt: run.endedAt ?? movedAt }));
  }

  /** Answers a request that has left the gateway. `signal` is aborted where the gateway gives it up. */
  async answer(request: Request, signal: AbortSignal | null): Promise<Response> {
    const plan: OriginPlan = JSON.parse(new URL(request.url).searchParams.get('plan') ?? '');
    const startedAt = worldNow();
    const body = await request.text();
    const { subject, behaviours } = plan;
    const name = JSON.stringify(subject);
    const before = this.#runsOf.get(name) ?? 0;
    this.#runsOf.set(name, before + 1);
    const behaviour = behaviours[before] ?? 'ok';
    const run: RunUnderWay = {
      ...subject,
      run: this.#runs.length + 1,
      body,
      call: Number(request.headers.get('x-call')),
      startedAt,
      endedAt: null,
      movedAt: startedAt,
      // A failure is one by its status, whatever becomes of its body.
      fate: behaviour === 'fail' ? 'failed' : 'cut',
    };
    this.#runs.push(run);
    const end = (fate: RunFate) => {
      if (run.endedAt !== null) return;
      if (behaviour !== 'fail') run.fate = fate;
      run.endedAt = worldNow();
    };
    const moved = () => {
      run.movedAt = worldNow();
    };
    const givenUp = new Promise<never>((_, reject) => {
      signal?.addEventListener('abort', () => {
        end(behaviour === 'stall' ? 'broke' : 'cut');
        reject(new Error('The operation was aborted'));
      });
    });
    givenUp.catch(() => {});
    await pass(plan.gapMs);
    if (behaviour === 'reset') {
      end('broke');
      throw new Error('Network connection lost.');
    }
    const status = behaviour === 'fail' ? 500 + (run.run % 4) : 200;
    const provenance = { ...subject, run: run.run, body };
    const bytes = bodyOf(provenance, plan.bytes);
    const headers = { 'content-type': 'application/json' };
    return new Response(bodyStream(bytes, plan, behaviour, { moved, end, givenUp }), { status, headers });
  }
}

function bodyStream(
  bytes: Uint8Array,
  { pieces, gapMs }: OriginPlan,
  behaviour: Behaviour,
  {
    moved,
    end,
    givenUp,
  }: {
    readonly moved: () => void;
    readonly end: (fate: RunFate) => void;
    readonly givenUp: Promise<never>;
  },
): ReadableStream<Uint8Array> {
  const step = Math.ceil(bytes.byteLength / pieces);
  let at = 0;
  return new ReadableStream({
    type: 'bytes',
    pull: async (controller) => {
      if (at > 0) await pass(gapMs);
      moved();
      const last = at + step >= bytes.byteLength;
      if (last && behaviour === 'stall') return givenUp;
      if (last && behaviour === 'truncate') {
        end('broke');
        return controller.error(new Error('Network connection lost.'));
      }
      controller.enqueue(bytes.slice(at, at + step));
      at += step;
      if (!last) return;
      end('succeeded');
      controller.close();
    },
    cancel: () => end('cut'),
  });
}

const encoder = new TextEncoder();

/** Where the bytes come from, on the first line; then filler that no other run has. */
function bodyOf(from: Provenance, bytes: number): Uint8Array {
  const head = encoder.encode(`${JSON.stringify(from)}\n`);
  const body = new Uint8Array(head.byteLength + bytes).fill(97 + (from.run % 26));
  body.set(head);
  return body;
}
