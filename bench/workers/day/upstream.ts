import type { VirtualClock } from './clock.ts';
import type { Fate, RunPlan } from './plan.ts';

/** What the upstream is asked to do in one run, and what it tells of it. */
export interface UpstreamRun {
  readonly plan: RunPlan;
  readonly bytes: number;
  readonly number: number;
  /** Whether who asked for it is still there to be answered. */
  readonly isAsked: () => boolean;
  /** It ended, whoever heard of it. */
  readonly ended: (fate: Fate) => void;
}

const NEVER = new Promise<never>(() => {});
const TEXT = new Uint8Array(1024 * 1024).fill(120);

/** Answers in the upstream's place, as `fetch` does. */
export async function answerUpstream(
  clock: VirtualClock,
  { plan, bytes, number, isAsked, ended }: UpstreamRun,
  signal: AbortSignal,
): Promise<Response> {
  const { fate, headAfterMs, pieces, everyMs } = plan;
  const cut = fate === 'truncated' ? Math.ceil(pieces / 2) : fate === 'ok' ? pieces : 0;
  clock.at(clock.now + headAfterMs + (pieces > 1 ? cut * everyMs : 0), () => ended(fate));
  await clock.pause(headAfterMs);
  if (!isAsked()) return NEVER;
  if (fate === 'reset') throw new Error('Network connection lost.');
  if (fate === 'silent') return rejectedBy(signal);
  const headers = {
    'content-type': pieces > 1 ? 'text/event-stream' : 'application/json',
    'x-run': String(number),
  };
  if (fate === 'failed')
    return new Response(
      piecewise(async () => null),
      { status: 503, headers },
    );
  let sent = 0;
  const next = async () => {
    if (sent === cut) return fate === 'truncated' ? 'broken' : null;
    if (pieces > 1) await clock.pause(everyMs);
    if (!isAsked()) return NEVER;
    const from = Math.floor((bytes * sent) / pieces);
    sent += 1;
    return TEXT.slice(from, Math.floor((bytes * sent) / pieces));
  };
  // An announced length ends the body without another read, as HTTP does.
  const announced = pieces === 1 && fate === 'ok' ? { ...headers, 'content-length': String(bytes) } : headers;
  return new Response(piecewise(next), { status: 200, headers: announced });
}

function rejectedBy(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** No piece is empty. */
function piecewise(next: () => Promise<Uint8Array | 'broken' | null>): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      type: 'bytes',
      pull: async (controller) => {
        const piece = await next();
        if (piece === 'broken') return controller.error(new Error('Network connection lost.'));
        if (piece !== null) return controller.enqueue(piece);
        controller.close();
        controller.byobRequest?.respond(0);
      },
    },
    { highWaterMark: 0 },
  );
}
