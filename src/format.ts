/**
 * @module Counts, sizes and times as people read them. Lengths of time are in words of our own:
 * `Intl.DurationFormat` is not in Node 22, which the command line runs on, and writes `3 hr, 20 min`. Runs
 * in: the Worker.
 */

import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from './time.ts';

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** A count: in full up to 99,999, then compact. */
export function countText(n: number): string {
  return n < 100_000 ? whole.format(n) : compact.format(n);
}

const BYTE_UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

const byteTexts = BYTE_UNITS.map(
  (unit) =>
    new Intl.NumberFormat('en', {
      style: 'unit',
      unit,
      unitDisplay: unit === 'byte' ? 'long' : 'short',
      maximumSignificantDigits: 3,
    }),
);

/** A size: `942 bytes`, `2.13 kB`. */
export function bytesText(bytes: number): string {
  const unit = Math.min(Math.floor(Math.log10(Math.max(1, bytes)) / 3), BYTE_UNITS.length - 1);
  return byteTexts[unit]?.format(bytes / 1000 ** unit) ?? '';
}

/**
 * A length of time in its largest unit, and the next one where that says something: `340 ms`, `2.4 s`,
 * `3 h 20 min`.
 */
export function durationText(ms: number): string {
  if (ms < SECOND_MS) return `${Math.round(ms)} ms`;
  if (ms < 10 * SECOND_MS) return `${(ms / SECOND_MS).toFixed(1)} s`;
  if (ms < MINUTE_MS) return `${Math.round(ms / SECOND_MS)} s`;
  if (ms < HOUR_MS) return two(ms, MINUTE_MS, 'min', SECOND_MS, 's');
  if (ms < DAY_MS) return two(ms, HOUR_MS, 'h', MINUTE_MS, 'min');
  return two(ms, DAY_MS, 'd', HOUR_MS, 'h');
}

function two(ms: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((ms % large) / small);
  const first = `${Math.floor(ms / large)} ${largeName}`;
  return rest === 0 ? first : `${first} ${rest} ${smallName}`;
}

/** How far a time is from now: `12 s ago`, `in 3 h`. */
export function relativeText(ms: number, now: number): string {
  const distance = Math.abs(now - ms);
  if (distance < SECOND_MS) return 'just now';
  const [value, unit] =
    distance < MINUTE_MS
      ? [distance / SECOND_MS, 's']
      : distance < HOUR_MS
        ? [distance / MINUTE_MS, 'min']
        : distance < DAY_MS
          ? [distance / HOUR_MS, 'h']
          : [distance / DAY_MS, 'd'];
  const text = `${Math.floor(value)} ${unit}`;
  return ms < now ? `${text} ago` : `in ${text}`;
}

/** A time of day in UTC, and the date where it is not today’s. */
export function clockText(ms: number, now: number): string {
  const text = new Date(ms).toISOString();
  const day = text.slice(0, 10);
  const clock = text.slice(11, 19);
  return day === new Date(now).toISOString().slice(0, 10) ? clock : `${day} ${clock}`;
}
