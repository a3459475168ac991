import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { RunningScript } from './process.ts';

/** What a gateway's isolate holds. */
export interface MemoryGauge {
  /** The bytes of all array buffers that are still held, after what nobody holds was collected. */
  heldBytes(): Promise<number>;
  close(): void;
}

/** Attaches to a gateway that was started with `inspected`. */
export async function attachGauge(gateway: RunningScript): Promise<MemoryGauge> {
  const host = (await gateway.printed(/^inspector /)).replace(/^inspector /, '');
  const targets: { webSocketDebuggerUrl: string; title: string }[] = await (
    await fetch(`http://${host}/json`)
  ).json();
  const [target] = targets;
  if (target === undefined) throw new Error('nothing to inspect');
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  await once(socket, 'open');
  const pending = new Map<number, (result: Record<string, number>) => void>();
  socket.on('message', (data) => {
    const { id, result = {} }: { id?: number; result?: Record<string, number> } = JSON.parse(String(data));
    if (id !== undefined) pending.get(id)?.(result);
  });
  let lastId = 0;
  const call = (method: string) =>
    new Promise<Record<string, number>>((resolve) => {
      lastId += 1;
      pending.set(lastId, resolve);
      socket.send(JSON.stringify({ id: lastId, method }));
    });
  return {
    heldBytes: async () => {
      let collected = false;
      const collecting = call('HeapProfiler.collectGarbage').then(() => {
        collected = true;
      });
      // The runtime collects when the isolate next has something to do.
      while (!collected) await (await fetch(`${gateway.url}/_oncegate/health`)).text();
      await collecting;
      return (await call('Runtime.getHeapUsage')).backingStorageSize ?? Number.NaN;
    },
    close: () => socket.close(),
  };
}
