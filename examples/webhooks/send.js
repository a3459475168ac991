/**
 * Delivers one event three times, as a sender does that missed the answer, and then a forgery of it and one
 * of the next.
 */
import { randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { SECRET } from './secret.js';

const gateway = process.argv[2] ?? 'http://localhost:8787';
const webhook = new Webhook(SECRET);

async function deliver(what, id, attempt, sign = (at, body) => webhook.sign(id, at, body)) {
  const body = JSON.stringify({ type: 'user.created', data: { id: 1 }, attempt });
  const at = new Date();
  const response = await fetch(`${gateway}/webhooks/standard`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': sign(at, body),
    },
    body,
  });
  const text = (await response.text()).trim();
  console.log(`${what}: ${response.status} ${text} (${response.headers.get('cache-status')})`);
}

const forged = () => 'v1,AAAA';
const [id, next] = [randomUUID(), randomUUID()];
await deliver('delivery     ', id, 1);
await deliver('redelivery   ', id, 2);
await deliver('redelivery   ', id, 3);
await deliver('forged after ', id, 4, forged);
await deliver('forged before', next, 1, forged);
await deliver('the real one ', next, 1);
