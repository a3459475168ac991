/** A receiver of Standard Webhooks: what is not signed gets 400, and what is signed is processed. */
import { createServer } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { SECRET } from './secret.js';

const webhook = new Webhook(SECRET);
let processed = 0;

/** Resolves with its port. */
export function startReceiver(port) {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request.setEncoding('utf8')) body += part;
    try {
      webhook.verify(body, request.headers);
    } catch {
      console.log('receiver: a bad signature');
      return void response.writeHead(400).end('bad signature\n');
    }
    processed += 1;
    console.log(`receiver: ${request.headers['webhook-id']} is event ${processed}`);
    response.end(`processed as event ${processed}\n`);
  });
  return new Promise((resolve) => server.listen(port, 'localhost', () => resolve(server.address().port)));
}
