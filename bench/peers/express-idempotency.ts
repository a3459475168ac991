/**
 * `express-idempotency` with its Redis adapter, in a proxy on Express, as its documentation shows it.
 * Arguments: the upstream's URL, the URL of Redis.
 */
import express from 'express';
import { getSharedIdempotencyService, idempotency } from 'express-idempotency';
import adapters from 'express-idempotency-redis-adapter';

const [upstream = '', redis = ''] = process.argv.slice(2);
const adapter = new adapters.default({ connectionConfig: { url: redis }, ttl: 86_400 });

await adapter.connect();

const app = express();
app.use(express.text({ type: '*/*', limit: '30mb' }));
app.use(idempotency({ dataAdapter: adapter }));
app.all('/{*path}', async (request, response) => {
  if (getSharedIdempotencyService().isHit(request)) return;
  const answer = await fetch(upstream + request.url, {
    method: request.method,
    headers: {
      'content-type': request.get('content-type') ?? '',
      'idempotency-key': request.get('idempotency-key') ?? '',
    },
    ...(request.method === 'GET' ? {} : { body: request.body }),
  });
  response.status(answer.status).type(answer.headers.get('content-type') ?? '');
  response.send(await answer.text());
});

const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object') process.stdout.write(`ready http://127.0.0.1:${address?.port}\n`);
});
