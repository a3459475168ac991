/** Repeatable Requests 1.0 (OASIS), as an SDK of Azure's sends them. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RoomsClient } from '@azure/communication-rooms';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freshKey } from '../harness/request.ts';
import { useGateway } from '../harness/use.ts';

/** The fields of each request that has reached the service. */
let requests: Headers[] = [];
let service: Server;

beforeAll(async () => {
  service = createServer((request, response) => {
    requests.push(new Headers(request.headers as Record<string, string>));
    request.resume().on('end', () => {
      const time = new Date().toISOString();
      response.writeHead(201, { 'content-type': 'application/json' }).end(
        JSON.stringify({
          id: `room ${requests.length}`,
          createdAt: time,
          validFrom: time,
          validUntil: time,
          pstnDialOutEnabled: false,
        }),
      );
    });
  });
  await once(service.listen(0, '127.0.0.1'), 'listening');
});

const gateway = useGateway(() => ({
  vars: {
    UPSTREAM_URL: `http://127.0.0.1:${(service.address() as AddressInfo).port}`,
    KEY_FROM: 'Repeatability-Request-ID,Idempotency-Key',
    TTL_SECONDS: 3_600,
  },
}));

afterAll(async () => {
  service?.closeAllConnections();
  service?.close();
});

test('a room that Azure’s SDK asks for again, as its answer was lost, is created once', async () => {
  requests = [];
  const results: (string | null)[] = [];
  const accessKey = Buffer.from('secret').toString('base64');
  const client = new RoomsClient(`endpoint=${gateway.url}/;accesskey=${accessKey}`, {
    allowInsecureConnection: true,
    retryOptions: { maxRetries: 3, retryDelayInMs: 10 },
    // The network between the SDK and the gateway: the first two answers are lost on it.
    additionalPolicies: [
      {
        position: 'perRetry',
        policy: {
          name: 'lossy',
          async sendRequest(request, next) {
            const response = await next(request);
            results.push(response.headers.get('repeatability-result') ?? null);
            return results.length < 3 ? { ...response, status: 503, bodyAsText: '' } : response;
          },
        },
      },
    ],
  });
  const room = await client.createRoom({});
  expect(room.id).toBe('room 1');
  expect(results).toEqual(['accepted', 'accepted', 'accepted']);
  expect(requests).toHaveLength(1);
  expect(requests[0]?.get('repeatability-request-id')).toMatch(/^[\da-f-]{36}$/);
  expect(requests[0]?.get('repeatability-first-sent')).toMatch(/GMT$/);
});

function send(headers: Record<string, string>, body = '{}'): Promise<Response> {
  return fetch(`${gateway.url}/rooms`, { method: 'POST', headers, body });
}

test('what is not done for a repeatable request is told as rejected', async () => {
  const id = { 'repeatability-request-id': freshKey() };
  const result = async (answer: Promise<Response>) => {
    const { status, headers } = await answer;
    return `${status} ${headers.get('repeatability-result')}`;
  };
  const now = { 'repeatability-first-sent': new Date().toUTCString() };
  expect(await result(send({ ...id, ...now }))).toBe('201 accepted');
  expect(await result(send({ ...id, ...now }, '{"other":1}'))).toBe('422 rejected');
  expect(await result(send({ 'repeatability-request-id': 'a b' }))).toBe('400 rejected');
});

test('one that was first sent before results are kept may have run, and is not sent', async () => {
  requests = [];
  const twoHoursAgo = new Date(Date.now() - 7_200_000).toUTCString();
  const headers = { 'repeatability-request-id': freshKey(), 'repeatability-first-sent': twoHoursAgo };
  const response = await send(headers);
  expect(response.status).toBe(400);
  expect(response.headers.get('repeatability-result')).toBe('rejected');
  expect((await response.json()).detail).toContain('whether the request has run is not known');
  expect(requests).toHaveLength(0);
});

test('a key that came in another field is answered as ever', async () => {
  const response = await send({ 'idempotency-key': freshKey(), 'repeatability-first-sent': 'long ago' });
  expect(response.status).toBe(201);
  expect(response.headers.get('repeatability-result')).toBeNull();
});
