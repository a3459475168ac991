import { describe, expect, test } from 'vitest';
import { check } from './checker.ts';
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
  TTL_MS,
} from './made-history.ts';

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
