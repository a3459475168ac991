import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface BrokenNetwork {
  readonly url: string;
  /** Cuts every connection that is open. Those that come later hold. */
  break(): void;
  close(): void;
}

/**
 * A network between client and gateway that breaks: when the test says so, or as soon as the gateway has
 * answered on the first connection.
 */
export async function startBrokenNetwork(
  gatewayUrl: string,
  when: 'told' | 'answered',
): Promise<BrokenNetwork> {
  const target = new URL(gatewayUrl);
  const connections: Socket[] = [];
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    connections.push(client);
    const first = connections.length === 1;
    client.pipe(upstream);
    upstream.on('data', (bytes) => {
      if (first && when === 'answered') client.destroy();
      else client.write(bytes);
    });
    upstream.on('end', () => client.end());
    for (const socket of [client, upstream]) socket.on('error', () => socket.destroy());
    client.on('close', () => upstream.destroy());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    break: () => {
      for (const connection of connections) connection.destroy();
    },
    close: () => void server.close(),
  };
}
