import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { RunningScript } from './process.ts';

/** What an isolate holds, after what nobody holds was collected, and what its process takes. In bytes. */
export interface MemoryUsage {
  /** Of all array buffers. */
  readonly bufferBytes: number;
  /** Of everything else in JavaScript. */
  readonly heapBytes: number;
  /** Of the runtime's process, which keeps what it once had. */
  readonly residentBytes: number;
}

/** What a gateway's isolate holds. */
export interface MemoryGauge {
  usage(): Promise<MemoryUsage>;
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
  const usage = async (): Promise<MemoryUsage> => {
    let collected = false;
    const collecting = call('HeapProfiler.collectGarbage').then(() => {
      collected = true;
    });
    // The runtime collects when the isolate next has something to do.
    while (!collected) await (await fetch(`${gateway.url}/_oncegate/health`)).text();
    await collecting;
    const {
      backingStorageSize = Number.NaN,
      usedSize = Number.NaN,
      embedderHeapUsedSize = 0,
    } = await call('Runtime.getHeapUsage');
    return {
      bufferBytes: backingStorageSize,
      heapBytes: usedSize + embedderHeapUsedSize,
      residentBytes: residentBytes(gateway.pid),
    };
  };
  return {
    usage,
    heldBytes: async () => (await usage()).bufferBytes,
    close: () => socket.close(),
  };
}

/** Of the processes that this one has started: the runtime. */
function residentBytes(pid: number): number {
  const lines = execFileSync('ps', ['-o', 'rss=', '--ppid', String(pid)])
    .toString()
    .trim()
    .split('\n');
  return lines.reduce((sum, line) => sum + Number(line) * 1024, 0);
}
