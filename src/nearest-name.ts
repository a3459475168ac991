/**
 * @module Which known name somebody meant who wrote another one. It has to find what is misspelt and to leave
 * alone what belongs to somebody else, so each rule asks for more than a likeness of some letters. Runs in:
 * the Worker.
 */

/**
 * One typing error is taken for a mistake in so many letters; a name with fewer has to be right but for its
 * spelling.
 */
const LETTERS_PER_ERROR = 4;

/** A first word of fewer letters is anybody's, as in `MAX_…`, unless it is a name of its own. */
const FIRST_WORD_MIN_LETTERS = 4;

/** As `wordsOf` gives them: `ms` has lost its s, and `s` is no word. */
const UNITS = new Set([
  ...['m', 'millisecond', 'sec', 'second', 'min', 'minute', 'h', 'hour', 'day'],
  ...['byte', 'b', 'kb', 'kib', 'mb', 'mib', 'gb', 'gib'],
]);

/**
 * The known name that was meant by `name`, or `null` if none was.
 *
 * The rules, in their order: the same words in another spelling (`ttlSeconds`, `TTL-SECONDS`, `TTLSECONDS`,
 * `METHOD`); typing errors (`UNKOWN_OUTCOME`); the same thing in another unit, or without one (`TTL_MINUTES`,
 * `TTL`); the beginning of a name (`MAX_RUNNING`); and a name that says the first half as a known one does
 * and the other half differently (`SCOPE_FIELDS`).
 *
 * @param aliases other spellings of known names that count for the first rule only: a spelling and the name
 * that it means
 */
export function nearestName(
  name: string,
  known: readonly string[],
  aliases: ReadonlyMap<string, string> = new Map(),
): string | null {
  const words = wordsOf(name);
  const letters = words.join('');
  if (letters === '') return null;
  const sameLetters = (other: string) => wordsOf(other).join('') === letters;
  const alias = [...aliases].find(([spelling]) => sameLetters(spelling))?.[1];
  return (
    known.find(sameLetters) ??
    alias ??
    closest(letters, known, (other) =>
      Math.floor(Math.min(letters.length, other.length) / LETTERS_PER_ERROR),
    ) ??
    known.find((other) => sameButForUnit(words, wordsOf(other))) ??
    known.find((other) => words.length > 1 && isBeginning(words, wordsOf(other))) ??
    closest(
      letters,
      known.filter((other) => hasSameFirstHalf(words, wordsOf(other), known)),
      () => Number.POSITIVE_INFINITY,
    )
  );
}

/** `ttlSeconds`, `TTL_SECONDS` and `ttl-second` are the same words: small letters, in the singular. */
function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z\d]+/)
    .map((word) => word.replace(/s$/, ''))
    .filter((word) => word !== '');
}

/** The name of the fewest typing errors, if they are no more than `mostErrors` allows for it. */
function closest(
  letters: string,
  known: readonly string[],
  mostErrors: (otherLetters: string) => number,
): string | null {
  let best: string | null = null;
  let fewest = Number.POSITIVE_INFINITY;
  for (const other of known) {
    const otherLetters = wordsOf(other).join('');
    const most = mostErrors(otherLetters);
    // No alignment makes up for a difference in length.
    if (Math.abs(letters.length - otherLetters.length) > most) continue;
    const errors = typingErrors(letters, otherLetters);
    if (errors > most || errors >= fewest) continue;
    best = other;
    fewest = errors;
  }
  return best;
}

function sameButForUnit(words: readonly string[], other: readonly string[]): boolean {
  if (!UNITS.has(other.at(-1) ?? '')) return false;
  const stem = UNITS.has(words.at(-1) ?? '') ? words.slice(0, -1) : words;
  return stem.length > 0 && stem.join('') === other.slice(0, -1).join('');
}

function isBeginning(words: readonly string[], other: readonly string[]): boolean {
  return words.length < other.length && words.every((word, index) => word === other[index]);
}

function hasSameFirstHalf(
  words: readonly string[],
  other: readonly string[],
  known: readonly string[],
): boolean {
  const [first = ''] = words;
  if (words.length < 2 || words.length !== other.length) return false;
  if (first.length < FIRST_WORD_MIN_LETTERS && !known.some((name) => wordsOf(name).join('') === first)) {
    return false;
  }
  const half = Math.ceil(words.length / 2);
  return words.slice(0, half).every((word, index) => word === other[index]);
}

/**
 * The Damerau-Levenshtein distance: letters put in, left out, taken for another, or swapped with their
 * neighbour.
 */
function typingErrors(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const at = (line: readonly number[], column: number) => line[column] ?? Number.POSITIVE_INFINITY;
      const same = a[i - 1] === b[j - 1];
      let errors = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (same ? 0 : 1));
      if (j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        errors = Math.min(errors, at(beforeLast, j - 2) + 1);
      }
      row.push(errors);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? Number.POSITIVE_INFINITY;
}
