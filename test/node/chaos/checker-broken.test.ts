import { describe, expect, test } from 'vitest';
import { check, type PromiseName } from './checker.ts';
import type { CallOutcome, History } from './history.ts';
import {
  BROKEN,
  BY_KEY,
  call,
  history,
  LEFT,
  problem,
  REFUSING,
  result,
  run,
  SUBJECT,
} from './made-history.ts';

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
