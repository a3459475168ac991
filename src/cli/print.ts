/** @module What commands print. Runs in: Node. */

import { durationText, relativeText } from '../format.ts';
import { FAILURE_TEXTS, placeText, repeatsOf } from '../operator/execution-texts.ts';
import type { Execution, ExecutionDetail, ExecutionList, Failure } from '../operator/schemas.ts';
import { printable, printableJson } from './printable.ts';

/** One line. Whatever it holds, it stays one, and does nothing to the terminal. */
export function line(text = ''): void {
  process.stdout.write(`${printable(text)}\n`);
}

/** One JSON value on lines of its own, for programs. */
export function json(value: unknown): void {
  process.stdout.write(`${printableJson(JSON.stringify(value, null, 2))}\n`);
}

/** One JSON value on one line, where more will follow. */
export function jsonLine(value: unknown): void {
  process.stdout.write(`${printableJson(JSON.stringify(value))}\n`);
}

/** One line for people, on standard error, so that it stays out of what a program reads. */
export function note(text: string): void {
  process.stderr.write(`${printable(text)}\n`);
}

/** Columns under their headings, each as wide as its widest text. */
export function table(given: readonly (readonly string[])[]): void {
  const rows = given.map((row) => row.map(printable));
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows) {
    line(
      row
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }
}

/** The head of a table of executions. */
export const EXECUTION_HEADINGS = [
  'STATE',
  'RECEIVED',
  'STATUS',
  'REPEATS',
  'CALLER',
  'REQUEST',
  'ROUTE',
  'ID',
] as const;

/** A row of it. */
export function executionColumns(execution: Execution): string[] {
  const { state, receivedAt, status, caller, route, id } = execution;
  const repeats = String(repeatsOf(execution));
  return [state, receivedAt, String(status ?? '-'), repeats, caller, requestText(execution), route, id];
}

/** The head of a table of failures. */
export const FAILURE_HEADINGS = ['FAILED', 'STATUS', 'WHY', 'CALLER', 'REQUEST', 'ROUTE', 'TRACE'] as const;

/** A row of it. */
export function failureColumns(failure: Failure): string[] {
  const { failedAt, status, reason, rule, caller, route, traceId } = failure;
  const why = rule === null ? FAILURE_TEXTS[reason] : `${FAILURE_TEXTS[reason]} (${rule})`;
  return [failedAt, String(status ?? '-'), why, caller, requestText(failure), route, traceId ?? '-'];
}

function requestText({ method, path }: Pick<Execution, 'method' | 'path'>): string {
  return method === null || path === null ? '-' : `${method} ${path}`;
}

/** Says on standard error which ledger objects are missing from a list. */
export function warnOfUnanswered({ unanswered }: Pick<ExecutionList, 'unanswered'>): void {
  if (unanswered.length === 0) return;
  const names = unanswered.map(({ route, shard }) => `${route}:${shard}`).join(', ');
  note(`Not complete: these ledger objects do not answer: ${names}`);
}

/** Everything that is known of one execution. */
export function executionText(execution: ExecutionDetail, now: number): void {
  const { id, route, shard, caller, traceId, state, cause, status, bytes } = execution;
  line(`${id}`);
  const trace = traceId === null ? '' : `, trace ${traceId}`;
  line(`  ${requestText(execution)}, caller ${caller}${trace}`);
  line(`  ${state}${cause === null ? '' : `, ${cause}`}, route ${route}, ledger object ${route}:${shard}`);
  if (status !== null) line(`  status ${status}, ${bytes ?? 0} bytes, ${placeText(execution)}`);
  const from = Date.parse(execution.receivedAt);
  for (const { at, event } of execution.timeline) {
    const ms = Date.parse(at);
    const distance =
      event === 'received' || event === 'expires' ? relativeText(ms, now) : `+ ${durationText(ms - from)}`;
    line(`  ${at}  ${event.padEnd(11)}  ${distance}`);
  }
  const refusals = Object.entries(execution.refusals)
    .filter(([, n]) => n > 0)
    .map(([reason, n]) => `, ${n} refused with ${reason}`)
    .join('');
  line(`  ${execution.replays} replayed, ${execution.joins} joined${refusals}`);
}
