import { describe, expect, test } from 'vitest';
import { check, type PromiseName } from './checker.ts';
import type { Call, CallOutcome, Death, History, Interval, Provenance, Run, RunFate } from './history.ts';

const SUBJECT = { route: '/retry/*', caller: 'alice', key: 'k' };
const REFUSING = { ...SUBJECT, route: '/refuse/*' };
/** The key alone says what is the same. */
const BY_KEY = { ...SUBJECT, route: '/hook/*' };
const TTL_MS = 10_000;

type Where = typeof SUBJECT;

function run(number: number, [startedAt, endedAt]: Span, fate: RunFate, where: Where = SUBJECT): Run {
  return { ...where, run: number, body: 'b', startedAt, endedAt, fate };
}

type Span = readonly [startedAt: number, endedAt: number];

function call([startedAt, endedAt]: Span, outcome: CallOutcome, where: Where = SUBJECT): Call {
  return { ...where, body: 'b', startedAt, endedAt, outcome };
}

function result(
  number: number,
  over: { digest?: string; bytes?: number; from?: Partial<Provenance> } = {},
): CallOutcome {
  return {
    kind: 'response',
    status: 200,
    digest: over.digest ?? `of run ${number}`,
    bytes: over.bytes ?? 100,
    replayed: false,
    from: { ...SUBJECT, body: 'b', run: number, ...over.from },
  };
}

function problem(status: number, slug: string): CallOutcome {
  return { kind: 'problem', status, slug };
}

const LEFT: CallOutcome = { kind: 'broken', by: 'client', from: null };
const BROKEN: CallOutcome = { kind: 'broken', by: 'gateway', from: null };

function history(calls: Call[], runs: Run[], deaths: Death[] = [], outages: Interval[] = []): History {
  const policy = { ttlMs: TTL_MS, cancels: false, keyAlone: false, silenceMs: 1_000, maxRecordBytes: 1_000 };
  return {
    calls,
    runs,
    deaths,
    outages,
    policies: new Map([
      [SUBJECT.route, { ...policy, unknownOutcome: 'retry' as const }],
      [REFUSING.route, { ...policy, unknownOutcome: 'refuse' as const }],
      [BY_KEY.route, { ...policy, keyAlone: true, unknownOutcome: 'retry' as const }],
    ]),
  };
}

describe('a history that keeps every promise is let through', () => {
  const refused = (number: number) => result(number, { from: REFUSING });
  test.each<[string, History]>([
    ['nothing happened', history([], [])],
    [
      'one run, joined and replayed',
      history(
        [call([0, 100], result(1)), call([50, 100], result(1)), call([200, 210], result(1))],
        [run(1, [10, 90], 'succeeded')],
      ),
    ],
    [
      'a failure, and then a success',
      history(
        [call([0, 50], { ...result(1), status: 500 } as CallOutcome), call([60, 100], result(2))],
        [run(1, [10, 40], 'failed'), run(2, [70, 90], 'succeeded')],
      ),
    ],
    [
      'a run that the death of the gateway cut off, run again',
      history(
        [call([0, 50], BROKEN), call([400, 500], result(2))],
        [run(1, [10, 50], 'cut'), run(2, [410, 490], 'succeeded')],
        [{ at: 50, until: 390 }],
      ),
    ],
    [
      'a whole run whose result died with the gateway before anybody had it',
      history(
        [call([0, 50], BROKEN), call([400, 500], result(2))],
        [run(1, [10, 49], 'succeeded'), run(2, [410, 490], 'succeeded')],
        [{ at: 50, until: 390 }],
      ),
    ],
    [
      'a run given up for its silence',
      history(
        [call([0, 1100], problem(504, 'upstream-timeout')), call([1200, 1300], result(2))],
        [run(1, [10, 1090], 'cut'), run(2, [1210, 1290], 'succeeded')],
      ),
    ],
    [
      'a run given up for its silence, of which the origin saw only the end',
      history(
        [call([0, 1100], problem(504, 'upstream-timeout')), call([1200, 1300], result(2))],
        [run(1, [1090, 1095], 'succeeded'), run(2, [1210, 1290], 'succeeded')],
      ),
    ],
    [
      'a run given up for a silence in its body, which the origin took for the network’s',
      history(
        [
          call([0, 1100], { kind: 'broken', by: 'gateway', from: { ...SUBJECT, run: 1, body: 'b' } }),
          call([1200, 1300], result(2)),
        ],
        [run(1, [10, 90], 'succeeded'), run(2, [1210, 1290], 'succeeded')],
      ),
    ],
    [
      'a run that came to the origin when it had been given up, and its client could not be told',
      history(
        [call([0, 1200], LEFT), call([1150, 1300], result(2))],
        [run(1, [1100, 1110], 'succeeded'), run(2, [1210, 1290], 'succeeded')],
      ),
    ],
    [
      'a run that came to the origin when the gateway that had sent it was dead',
      history(
        [call([0, 310], BROKEN), call([320, 500], result(2))],
        [run(1, [350, 360], 'succeeded'), run(2, [410, 490], 'succeeded')],
        [{ at: 50, until: 300 }],
      ),
    ],
    [
      'another result after the TTL of the first',
      history(
        [call([0, 50], result(1)), call([TTL_MS + 60, TTL_MS + 100], result(2))],
        [run(1, [10, 40], 'succeeded'), run(2, [TTL_MS + 70, TTL_MS + 90], 'succeeded')],
      ),
    ],
    [
      'no answer while the ledger is out of reach',
      history(
        [call([0, 50], result(1)), call([60, 70], problem(503, 'ledger-unavailable'))],
        [run(1, [10, 40], 'succeeded')],
        [],
        [{ at: 55, until: 200 }],
      ),
    ],
    [
      'a result too large to keep',
      history(
        [call([0, 100], result(1, { bytes: 1_001 })), call([200, 210], problem(409, 'not-recorded'))],
        [run(1, [10, 90], 'succeeded')],
      ),
    ],
    [
      'refused after an unknown outcome',
      history(
        [
          call([0, 50], problem(502, 'upstream-unreachable'), REFUSING),
          call([60, 70], problem(409, 'outcome-unknown'), REFUSING),
        ],
        [run(1, [10, 40], 'broke', REFUSING)],
      ),
    ],
    [
      'with `refuse`, run again after a failure',
      history(
        [call([60, 100], refused(2), REFUSING)],
        [run(1, [10, 40], 'failed', REFUSING), run(2, [70, 90], 'succeeded', REFUSING)],
      ),
    ],
    [
      'a key that was used for another request is refused',
      history(
        [
          call([0, 50], result(1)),
          { ...call([60, 70], problem(422, 'key-reused')), body: 'other' },
          call([80, 90], result(1)),
        ],
        [run(1, [10, 40], 'succeeded')],
      ),
    ],
    [
      'where the key alone counts, another body gets the same answer',
      history(
        [
          call([0, 50], result(1, { from: BY_KEY }), BY_KEY),
          { ...call([60, 70], result(1, { from: BY_KEY }), BY_KEY), body: 'other' },
        ],
        [run(1, [10, 40], 'succeeded', BY_KEY)],
      ),
    ],
    [
      'the same key of two callers',
      history(
        [
          call([0, 50], result(1)),
          call([0, 50], result(2, { from: { caller: 'bob' } }), { ...SUBJECT, caller: 'bob' }),
        ],
        [run(1, [10, 40], 'succeeded'), run(2, [10, 40], 'succeeded', { ...SUBJECT, caller: 'bob' })],
      ),
    ],
  ])('%s', (_, given) => {
    expect(check(given).violations).toEqual([]);
  });
});

describe('a history that breaks a promise is found out', () => {
  test.each<[string, PromiseName[], History]>([
    [
      'two runs, both handed out',
      ['one-result', 'same-bytes', 'reason-to-run'],
      history(
        [call([0, 100], result(1)), call([1, 101], result(2))],
        [run(1, [10, 90], 'succeeded'), run(2, [11, 91], 'succeeded')],
      ),
    ],
    [
      'one run, two texts',
      ['same-bytes', 'nothing-lost'],
      history(
        [call([0, 100], result(1)), call([200, 210], result(1, { digest: 'other' }))],
        [run(1, [10, 90], 'succeeded')],
      ),
    ],
    [
      'an acknowledged result is run again after a crash',
      ['nothing-lost', 'answered-in-reach'],
      history(
        [call([0, 100], result(1)), call([400, 500], BROKEN)],
        [run(1, [10, 90], 'succeeded'), run(2, [410, 490], 'succeeded')],
        [{ at: 150, until: 390 }],
      ),
    ],
    [
      'an acknowledged result is denied',
      ['nothing-lost'],
      history(
        [call([0, 100], result(1)), call([200, 210], problem(409, 'outcome-unknown'))],
        [run(1, [10, 90], 'succeeded')],
      ),
    ],
    [
      'a result that is small enough is said to be too large to replay',
      ['nothing-lost'],
      history(
        [call([0, 100], result(1)), call([200, 210], problem(409, 'not-recorded'))],
        [run(1, [10, 90], 'succeeded')],
      ),
    ],
    [
      'an acknowledged result turns into a failure',
      ['nothing-lost'],
      history(
        [
          call([0, 100], result(1)),
          call([200, 210], { ...result(1, { digest: 'x' }), status: 500 } as CallOutcome),
        ],
        [run(1, [10, 90], 'succeeded')],
      ),
    ],
    [
      'a known result cannot be had although nothing is out of reach',
      ['answered-in-reach'],
      history(
        [call([0, 100], result(1)), call([200, 210], problem(502, 'upstream-unreachable'))],
        [run(1, [10, 90], 'succeeded')],
        [],
        [{ at: 220, until: 300 }],
      ),
    ],
    [
      'with `refuse`, run again after an unknown outcome',
      ['refuse-once'],
      history(
        [call([0, 50], BROKEN, REFUSING)],
        [run(1, [10, 50], 'broke', REFUSING), run(2, [410, 490], 'succeeded', REFUSING)],
      ),
    ],
    [
      'with `refuse`, run again after a death',
      ['refuse-once'],
      history(
        [call([0, 50], BROKEN, REFUSING)],
        [run(1, [10, 50], 'cut', REFUSING), run(2, [410, 490], 'succeeded', REFUSING)],
        [{ at: 50, until: 390 }],
      ),
    ],
    [
      'a healthy run is dropped when its client leaves',
      ['reason-to-run'],
      history(
        [call([0, 50], { kind: 'broken', by: 'client', from: null }), call([60, 100], result(2))],
        [run(1, [10, 51], 'cut'), run(2, [70, 90], 'succeeded')],
      ),
    ],
    [
      'a run that came in time is dropped when its client leaves, however late that is',
      ['reason-to-run'],
      history(
        [call([0, 1200], LEFT), call([1150, 1300], result(2))],
        [run(1, [900, 1110], 'succeeded'), run(2, [1210, 1290], 'succeeded')],
      ),
    ],
    [
      'a run that began after a death, of a call that began after it too, is run again',
      ['reason-to-run'],
      history(
        [call([310, 320], BROKEN), call([320, 500], result(2))],
        [run(1, [350, 360], 'succeeded'), run(2, [410, 490], 'succeeded')],
        [{ at: 50, until: 300 }],
      ),
    ],
    [
      'a run too many, whose result nobody got',
      ['reason-to-run'],
      history(
        [call([0, 100], result(1)), call([0, 100], BROKEN)],
        [run(1, [10, 90], 'succeeded'), run(2, [20, 95], 'succeeded')],
      ),
    ],
    [
      'another caller’s bytes',
      ['own-bytes'],
      history(
        [call([0, 100], result(1, { from: { caller: 'bob' } }))],
        [run(1, [10, 90], 'succeeded', { ...SUBJECT, caller: 'bob' })],
      ),
    ],
    [
      'the first bytes of another caller’s response, broken off',
      ['own-bytes'],
      history(
        [
          call([0, 100], {
            kind: 'broken',
            by: 'client',
            from: { ...SUBJECT, caller: 'bob', body: 'b', run: 1 },
          }),
        ],
        [],
      ),
    ],
    [
      'the answer to another request with the same key',
      ['own-bytes'],
      history([call([0, 100], result(1, { from: { body: 'other' } }))], [run(1, [10, 90], 'succeeded')]),
    ],
    [
      'where the key alone counts, another key’s answer',
      ['own-bytes'],
      history(
        [call([0, 100], result(1, { from: { ...BY_KEY, key: 'k2' } }), BY_KEY)],
        [run(1, [10, 90], 'succeeded', { ...BY_KEY, key: 'k2' })],
      ),
    ],
    [
      'a key that nobody else had is said to be another request’s',
      ['key-heard'],
      history([call([0, 100], problem(422, 'key-reused')), call([110, 120], problem(422, 'key-reused'))], []),
    ],
    [
      'where the key alone counts, another body is said to be another request',
      ['key-heard', 'nothing-lost'],
      history(
        [
          call([0, 50], result(1, { from: BY_KEY }), BY_KEY),
          { ...call([60, 70], problem(422, 'key-reused'), BY_KEY), body: 'other' },
        ],
        [run(1, [10, 40], 'succeeded', BY_KEY)],
      ),
    ],
    [
      'a key that was sent is not found',
      ['key-heard'],
      history([call([0, 100], problem(400, 'key-missing'))], []),
    ],
    [
      'a bare error',
      ['every-answer-named'],
      history([call([0, 100], { kind: 'stray', status: 500, text: 'Internal Server Error' })], []),
    ],
  ])('%s', (_, promises, given) => {
    const broken = check(given).violations.map(({ promise }) => promise);
    expect([...new Set(broken)].toSorted()).toEqual(promises.toSorted());
  });
});

test('a violation says what happened to the key, in order', () => {
  const { violations } = check(
    history(
      [call([0, 100], result(1)), call([400, 500], result(2))],
      [run(2, [410, 490], 'succeeded'), run(1, [10, 90], 'succeeded')],
      [{ at: 150, until: 390 }],
    ),
  );
  const lost = violations.find(({ promise }) => promise === 'nothing-lost');
  expect(lost?.explanation.split('\n')).toEqual([
    'run 2 began after a client had seen the result of 1',
    '        0 ms  call until +100: 200 of run 1',
    '       10 ms  run 1 until +80: succeeded',
    '      150 ms  the ledger dies, back after 240 ms',
    '      400 ms  call until +100: 200 of run 2',
    '      410 ms  run 2 until +80: succeeded',
  ]);
});
