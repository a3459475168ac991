import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { startGateway } from '../harness/gateway.ts';

const APP = 'https://app.example';

describe('on a route with listed origins', () => {
  test('a WebSocket is passed on as ever', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    server.on('connection', (socket) => socket.send('hello'));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no address');
    const sockets = await startGateway({
      vars: { UPSTREAM_URL: `http://127.0.0.1:${address.port}`, CORS_ORIGINS: APP },
    });
    try {
      const client = new WebSocket(sockets.url.replace('http', 'ws'), { origin: APP });
      const message = await new Promise((resolve, reject) =>
        client.once('message', resolve).once('error', reject),
      );
      expect(String(message)).toBe('hello');
      client.close();
    } finally {
      await sockets.stop();
      server.close();
    }
  });
});
