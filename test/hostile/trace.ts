import { worldNow } from './clock.ts';
import type { InstanceStorage } from './storage.ts';

/** What may be in a statement that names an execution. */
const LOOKS_LIKE_A_NUMBER_OF_A_ROW = (value: unknown): value is number =>
  typeof value === 'number' && value < 1_000_000;

interface Event {
  readonly at: number;
  readonly instance: string;
  readonly what: string;
  /** The ids of executions and the numbers of rows that it is about; `null`: all of them. */
  readonly about: readonly unknown[] | null;
}

/**
 * What the platform knows of one object, and no client sees: which instance was told what, wrote what, and
 * had what of it committed. Where a promise was broken it tells whether the gateway lost something, or the
 * double did.
 */
export class Trace {
  readonly #events: Event[] = [];
  readonly #idOf = new Map<string, string>();

  /** Something that concerns the whole object. */
  note(instance: string, what: string): void {
    this.#events.push({ at: worldNow(), instance, what, about: null });
  }

  /** A call for an execution, or its request on the way to the origin. */
  noteOf(instance: string, what: string, id: string): void {
    this.#events.push({ at: worldNow(), instance, what, about: [id] });
  }

  /** A request leaves for the origin. */
  sent({ name, isFenced }: Pick<InstanceStorage, 'name' | 'isFenced'>, request: Request): void {
    const id = this.#idOf.get(keyIn(request.url)) ?? '';
    const whose = isFenced ? 'sent by what is not the object any more' : 'sent';
    this.noteOf(name, `request of call ${request.headers.get('x-call')} ${whose}`, id);
  }

  /** This is the name that the ledger has for the key of an order. */
  knows(url: string, id: string): void {
    this.#idOf.set(keyIn(url), id);
  }

  statement(instance: string, what: string, query: string, bindings: readonly unknown[]): void {
    if (!query.includes('executions')) return;
    const words = query.trim().replace(/\s+/g, ' ').slice(0, 70);
    const values = bindings.map((value) =>
      value instanceof Uint8Array ? `${value.byteLength} bytes` : value,
    );
    const text = `${what}: ${words} … ${JSON.stringify(values)}`;
    // One without bindings is about the whole table.
    const about = bindings.length === 0 ? null : bindings;
    this.#events.push({ at: worldNow(), instance, what: text, about });
  }

  /** All that concerns a key, a line an event. */
  of(key: string): string {
    const id = this.#idOf.get(key);
    const rows = new Set<unknown>([id]);
    for (const { about } of this.#events) {
      if (about?.includes(id) && LOOKS_LIKE_A_NUMBER_OF_A_ROW(about[0])) rows.add(about[0]);
    }
    const its = this.#events.filter(({ about }) => about === null || about.some((value) => rows.has(value)));
    const [first] = its;
    return its
      .map(
        ({ at, instance, what }) =>
          `  ${String(Math.round(at - (first?.at ?? 0))).padStart(7)} ms  ${instance}: ${what}`,
      )
      .join('\n');
  }
}

/** The key that an order is under. The plan of the origin says so, which stands in the URL. */
function keyIn(url: string): string {
  const plan = new URL(url).searchParams.get('plan');
  const { subject }: { subject?: { key: string } } = JSON.parse(plan ?? '{}');
  return subject?.key ?? '';
}
