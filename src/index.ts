import { answer } from './gateway.ts';

export { Ledger } from './ledger/ledger.ts';

export default {
  fetch: answer,
} satisfies ExportedHandler<object>;
