import { Random } from '../chaos/random.ts';
import { startGateway } from '../harness/gateway.ts';
import { FuzzOrigin, ORIGIN_MARK } from './origin.ts';
import { type FuzzedRequest, fuzzedRequest } from './request.ts';
import { exchange, type WireAnswer } from './wire.ts';

export interface Campaign {
  /** How often each kind of answer came. */
  readonly answers: ReadonlyMap<string, number>;
  /** What should not have been, each with the request that did it. */
  readonly faults: readonly string[];
}

const CONNECTIONS = 48;
/** Log lines that say that the gateway itself went wrong. */
const DEFECT = /"event":"unexpected"|Uncaught/;
/** A request that is whole gets its answer; one that is not may be waited for by the server for ever. */
const WHOLE_MS = 10_000;
const BENT_MS = 250;

/** What the runtime says by itself of a method that it does not know; no Worker sees such a request. */
const UNKNOWN_METHOD = 'ERROR: Unrecognized request method.';
/**
 * With any other or a second one, Miniflare's front may fail before the gateway is asked; Cloudflare's edge
 * says 400.
 */
const HOST = 'Host: gateway.example\r\n';
const FRONT_FAILED = 'Invalid URL string';
/** The platform's fetch sends none; the gateway says 502 and nothing goes out. */
const UNSENDABLE = /^TRACE /;

const SETTINGS = {
  SCOPE_FROM: 'authorization,cookie:session',
  WAIT_SECONDS: 1,
  MAX_RUNNING_PER_CALLER: 10_000,
  METHODS: 'POST,PATCH,PUT,DELETE,GET',
  ROUTES: [
    { path: '/refuse/*', unknownOutcome: 'refuse', concurrent: 'reject' },
    { path: '/derived/*', key: 'derived' },
    { path: '/optional/*', key: 'optional', forwardKeyAs: 'none' },
    { path: '/json/*', fingerprint: 'json', stripPrefix: '/json' },
    { path: '/body/*', keyFrom: 'json:/id,query:k,json:/a/0/c', stripPrefix: '/body' },
    { path: '/body-optional/*', keyFrom: 'json:/id', key: 'optional', fingerprint: 'none' },
    { path: '/body-json/*', keyFrom: 'json:/id,Idempotency-Key', fingerprint: 'json', key: 'derived' },
    { path: '/small/*', maxRequestBytes: 1_024, maxRecordBytes: 10 },
    { path: '/*' },
  ],
};

/** Sends so many fuzzed requests through the gateway and judges each answer. */
export async function fuzz(seed: number, count: number): Promise<Campaign> {
  const origin = new FuzzOrigin();
  const gateway = await startGateway({ vars: { ...SETTINGS, UPSTREAM_URL: await origin.start() } });
  const port = Number(new URL(gateway.url).port);
  const answers = new Map<string, number>();
  const faults: string[] = [];
  let next = 0;
  const connection = async () => {
    while (next < count) {
      const n = next++;
      const request = fuzzedRequest(Random.of(seed, n), `fuzz-${n}-`);
      const answer = await exchange(port, request.bytes, request.wellFramed ? WHOLE_MS : BENT_MS);
      const name = nameOf(answer);
      answers.set(name, (answers.get(name) ?? 0) + 1);
      const fault = judge(request, answer, origin);
      if (fault !== null) faults.push(`${fault}\n${request.bytes.toString('latin1', 0, 1_000)}`);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  const health = await fetch(`${gateway.url}/_oncegate/health`).catch(() => null);
  if (health?.status !== 200) faults.push('the gateway does not answer any more');
  await gateway.stop();
  origin.stop();
  faults.push(...gateway.output.filter((line) => DEFECT.test(line) && !line.includes(FRONT_FAILED)));
  return { answers, faults };
}

/** What is wrong with an answer, or `null`. */
function judge(request: FuzzedRequest, answer: WireAnswer, origin: FuzzOrigin): string | null {
  if (answer.kind === 'nothing') return request.wellFramed ? 'a whole request got no answer' : null;
  const problem = problemIn(answer);
  const sent = request.bytes.toString('latin1');
  if (answer.status === 501 && answer.body === UNKNOWN_METHOD) return null;
  if (answer.status === 500 && !(sent.includes(HOST) && sent.match(/\nhost:/gi)?.length === 1)) return null;
  if (answer.status >= 500 && !answer.head.includes(ORIGIN_MARK)) {
    if (problem === null) return `a bare ${answer.status}: ${answer.body.slice(0, 200)}`;
    // A plain proxy streams the body, so one that breaks off at the client breaks the request upstream.
    return request.wellFramed && !UNSENDABLE.test(sent)
      ? `the gateway could not send on what it took: ${problem}`
      : null;
  }
  if (problem !== null && origin.saw(request.id)) return `refused with ${problem}, and yet sent upstream`;
  return null;
}

function nameOf(answer: WireAnswer): string {
  if (answer.kind === 'nothing') return 'no answer';
  const problem = problemIn(answer);
  if (problem !== null) return `${answer.status} ${problem}`;
  return `${answer.status} of ${answer.head.includes(ORIGIN_MARK) ? 'the origin' : 'the gateway or the runtime'}`;
}

/** The slug of a problem; a HEAD has only its type. */
function problemIn({ head, body }: { readonly head: string; readonly body: string }): string | null {
  if (!/\ncontent-type: application\/problem\+json/i.test(head)) return null;
  return /"type":"[^"]*\/_oncegate\/problems\/([a-z-]+)"/.exec(body)?.[1] ?? 'problem of a HEAD';
}
