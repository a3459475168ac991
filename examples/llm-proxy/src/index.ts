export { default, Ledger } from 'oncegate/worker';
