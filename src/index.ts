/** @module The gateway's entry: its handler and the ledger's class. Runs in: the Worker. */

import { answer } from './gateway.ts';

export { Ledger } from './ledger/ledger.ts';

export default {
  fetch(request, env, ctx) {
    // A `Host` that is none makes no URL, and there is no origin under which a problem could be explained.
    if (!URL.canParse(request.url)) return new Response(null, { status: 400 });
    return answer(request, env, ctx);
  },
} satisfies ExportedHandler<object>;
