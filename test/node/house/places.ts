/** Where each file of src runs, by what loads it. */
import { loadedWith } from './sources.ts';

const LEDGER = 'ledger/ledger.ts';
const inWorker = loadedWith(['index.ts', 'worker.ts', 'hono/index.ts', 'demo/upstream.ts'], [LEDGER]);
const inLedger = loadedWith([LEDGER]);

/** As the first line of a file says it. What a program of Node’s shares with the Worker is the Worker’s. */
export function placeOf(file: string): string {
  // The library is for whoever loads it; only this store needs more than all runtimes have.
  if (file === 'client/sqlite.ts') return 'Node, Deno, Bun';
  if (file.startsWith('client/')) return 'any runtime';
  if (file.startsWith('cli/') || file === 'demo/start.ts') return 'Node';
  if (inWorker.has(file)) return inLedger.has(file) ? 'the Worker, the ledger object' : 'the Worker';
  return inLedger.has(file) ? 'the ledger object' : 'nowhere (types)';
}
