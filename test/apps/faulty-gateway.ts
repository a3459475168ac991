/** The gateway with faults to order, see faults.ts. */
import gateway from '../../src/index.ts';
import { withFaultsToOrder } from './faults.ts';

export { Ledger } from './faults.ts';

export default withFaultsToOrder(gateway);
