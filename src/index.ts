import { gatewayOf } from './gateway.ts';

export { Ledger } from './ledger/ledger.ts';

export default {
  fetch: (request, env, ctx) => gatewayOf(env).fetch(request, env, ctx),
} satisfies ExportedHandler<object>;
