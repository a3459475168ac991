/**
 * A receiver of webhooks, in the process of the test: it verifies each delivery, and processes what is
 * genuine.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Delivery, SENDERS } from './webhook-senders.ts';

export interface WebhookReceiver extends AsyncDisposable {
  readonly url: string;
  /** How often an event was processed. */
  processed(event: string): number;
  /** How many deliveries of it were refused. */
  refused(event: string): number;
  /** Holds whatever comes for this event until `open` is called. */
  hold(event: string): { readonly arrived: Promise<void>; readonly open: () => void };
}

interface Held {
  readonly arrived: PromiseWithResolvers<void>;
  readonly gate: PromiseWithResolvers<void>;
}

/** One that does not verify processes whatever comes. */
export async function startWebhookReceiver({ verifies = true } = {}): Promise<WebhookReceiver> {
  const processed = new Map<string, number>();
  const refused = new Map<string, number>();
  const held = new Map<string, Held>();
  const count = (counts: Map<string, number>, event: string) => {
    counts.set(event, (counts.get(event) ?? 0) + 1);
    return counts.get(event);
  };

  const receive = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const delivery = await deliveryOf(request);
    const sender = SENDERS.find(({ path }) => path === request.url);
    if (sender === undefined) return void response.writeHead(404).end();
    const event = sender.eventOf(delivery);
    const hold = held.get(event);
    hold?.arrived.resolve();
    await hold?.gate.promise;
    const isGenuine = !verifies || (await sender.verify(delivery));
    const time = count(isGenuine ? processed : refused, event);
    const status = isGenuine ? 200 : 400;
    response.writeHead(status, { 'content-type': 'application/json', 'set-cookie': 'receiver=secret' });
    response.end(isGenuine ? JSON.stringify({ received: event, time }) : '{"error":"bad signature"}');
  };

  const server = createServer((request, response) => void receive(request, response));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    processed: (event) => processed.get(event) ?? 0,
    refused: (event) => refused.get(event) ?? 0,
    hold: (event) => {
      const slot = { arrived: Promise.withResolvers<void>(), gate: Promise.withResolvers<void>() };
      held.set(event, slot);
      const open = () => {
        held.delete(event);
        slot.gate.resolve();
      };
      return { arrived: slot.arrived.promise, open };
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The delivery as its sender sent it: the gateway says by which host and scheme it came. */
async function deliveryOf(request: IncomingMessage): Promise<Delivery> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
  );
  const url = `${headers['x-forwarded-proto']}://${headers['x-forwarded-host']}${request.url}`;
  return { url, headers, body: Buffer.concat(chunks).toString() };
}
