/**
 * @module oncegate/worker: the types of the gateway as a Worker, for a project whose main file is one line
 * that exports it. Runs in: the Worker.
 */

import { Ledger, type LedgerClass } from './hono/ledger.ts';
import gateway from './index.ts';

const worker: ExportedHandler<object> = gateway;

export default worker;
export { Ledger, type LedgerClass };
