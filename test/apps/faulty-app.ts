/** The app with faults to order, see faults.ts. */
import app from './app.ts';
import { withFaultsToOrder } from './faults.ts';

export { Ledger } from './faults.ts';

export default withFaultsToOrder(app);
