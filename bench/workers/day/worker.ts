/**
 * Lives a day in a ledger object: the request's body says which, and what is counted comes back line by line
 * as it passes.
 */
import { DurableObject } from 'cloudflare:workers';
import { liveDay } from './day.ts';
import type { DayOptions } from './lived.ts';

interface Env {
  readonly DAYS: DurableObjectNamespace<DayObject>;
}

export default {
  fetch: (request, env) => env.DAYS.getByName(new URL(request.url).pathname).fetch(request),
} satisfies ExportedHandler<Env>;

export class DayObject extends DurableObject<Env> {
  override async fetch(request: Request): Promise<Response> {
    const options: DayOptions = await request.json();
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const write = (line: object) => writer.write(encoder.encode(`${JSON.stringify(line)}\n`));
    // Not part of the day: what the day does to the object's own members is for the ledger.
    const keepAlive = this.ctx.waitUntil.bind(this.ctx);
    keepAlive(
      liveDay(this.ctx, options, (part) => void write({ part }))
        .then(
          (day) => write({ day }),
          (error) =>
            write({ error: error instanceof Error ? `${error.message}\n${error.stack}` : String(error) }),
        )
        .finally(() => writer.close()),
    );
    return new Response(readable);
  }
}

const encoder = new TextEncoder();
