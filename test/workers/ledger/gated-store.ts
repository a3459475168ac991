import type { ExecutionStore } from '../../../src/ledger/run/execution-store.ts';
import type { ResponseHead } from '../../../src/protocol.ts';

/** A store in which nothing is durable before its gate is opened, and which tells what it was told. */
export function gatedStore(recorded = true) {
  const gate = Promise.withResolvers<void>();
  const told: string[] = [];
  const heads: ResponseHead[] = [];
  const store: ExecutionStore = {
    write: async () => {},
    read: async () => new Uint8Array(0),
    writePart: async () => {},
    readPart: async () => new Uint8Array(0),
    dropParts: () => {},
    drop: () => {},
    hasRoom: () => true,
    hold: () => () => {},
    failed: () => void told.push('failed'),
    redirected: () => void told.push('redirected'),
    unknown: () => void told.push('unknown'),
    completed: async (head) => {
      told.push('completed');
      heads.push(head);
      return recorded;
    },
    durable: () => {
      told.push('to be durable');
      return gate.promise;
    },
  };
  return { store, told, heads, open: gate.resolve };
}
