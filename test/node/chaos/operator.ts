import { setTimeout as sleep } from 'node:timers/promises';
import type { Forget } from './forgets.ts';
import type { Subject } from './history.ts';
import { ADMIN_TOKEN } from './plan.ts';

/** How often it is tried to forget an execution, and how far apart. */
const MAX_ATTEMPTS = 6;
const RETRY_AFTER_MS = 300;
/** An order that takes longer than this has had no answer. */
const ORDER_MAX_MS = 20_000;

const ANSWERS: Readonly<Record<number, Forget['answer']>> = {
  204: 'forgotten',
  404: 'absent',
  409: 'running',
};

/** Has executions forgotten, and writes down what was answered. */
export class RecordingOperator {
  readonly forgets: Forget[] = [];

  /** Has what is known of a key forgotten. Gives up where that cannot be done for now. */
  async forget(url: string, subject: Subject): Promise<void> {
    const id = await this.#idOf(url, subject);
    if (id === null) return;
    const startedAt = performance.now();
    let answer: Forget['answer'] = 'unsure';
    let wasUnsure = false;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      if (attempt > 0) await sleep(RETRY_AFTER_MS);
      answer = await this.#order(url, id);
      if (answer !== 'unsure') break;
      wasUnsure = true;
    }
    // An attempt whose answer was lost may have been the one that forgot it.
    if (wasUnsure && answer === 'absent') answer = 'forgotten';
    // And what runs may be the next execution already.
    if (wasUnsure && answer === 'running') answer = 'unsure';
    this.forgets.push({ ...subject, startedAt, endedAt: performance.now(), answer });
  }

  async #order(url: string, id: string): Promise<Forget['answer']> {
    try {
      const response = await fetch(`${url}/_oncegate/executions/${id}`, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
        signal: AbortSignal.timeout(ORDER_MAX_MS),
      });
      await response.text();
      return ANSWERS[response.status] ?? 'unsure';
    } catch {
      return 'unsure';
    }
  }

  /** The execution's id, where exactly one is known. */
  async #idOf(url: string, { key }: Subject): Promise<string | null> {
    try {
      const response = await fetch(`${url}/_oncegate/executions`, {
        headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'oncegate-key': key },
        signal: AbortSignal.timeout(ORDER_MAX_MS),
      });
      const { executions }: { executions?: { id: string }[] } = JSON.parse(await response.text());
      return executions?.length === 1 ? (executions[0]?.id ?? null) : null;
    } catch {
      return null;
    }
  }
}
