import type { SimulatedObject } from './object.ts';
import type { InstanceStorage } from './storage.ts';

/** What an instance needs to know of the world when it starts. */
export interface Registered {
  readonly name: string;
  readonly object: SimulatedObject;
  /** The bindings of this instance. */
  readonly env: (storage: InstanceStorage) => object;
}

const registered = new Map<string, Registered>();

/** Says which object of which world the platform's object of this id is an instance of. */
export function register(id: string, entry: Registered): void {
  registered.set(id, entry);
}

/** The object that the platform's object of this id is an instance of. */
export function theObject(id: string): Registered {
  const entry = registered.get(id);
  if (entry === undefined) throw new Error('no world knows this object');
  return entry;
}
