/**
 * Where the gateway's own JavaScript spends its time: its functions by their own time, from the runtime's
 * profiler, while it does one kind of request.
 * `npx node bench/profile.ts [first|retry|storm|bypass] [bytes of the response]`
 */
import { WebSocket } from 'ws';
import { jobOf, poolJob, type ScenarioName } from './scenarios.ts';
import { startWorker } from './workerd.ts';
import { createWorld, freePort } from './world.ts';

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
}

const [kind = 'first', bytes = '1024'] = process.argv.slice(2);
const scenario: ScenarioName = kind === 'retry' || kind === 'storm' || kind === 'bypass' ? kind : 'first';
const SHOWN_FUNCTIONS = 40;

const world = await createWorld();
try {
  const inspector = `127.0.0.1:${await freePort()}`;
  const gateway = world.keep(
    await startWorker({
      entry: new URL('../src/index.ts', import.meta.url),
      folder: world.folder('tmpfs'),
      objects: { binding: 'LEDGER', className: 'Ledger' },
      kvUrl: (await world.startKv()).url,
      vars: { UPSTREAM_URL: world.origin.url },
      inspector,
    }),
  );
  const target = { url: gateway.url, originUrl: world.origin.url, replayedHead: undefined };
  const size = Number(bytes);
  if (scenario === 'retry' || scenario === 'storm') await world.load.run(poolJob(scenario, target, size));
  await world.load.run(jobOf(scenario, target, 0, 1_500, size));
  const stop = await startProfiler(inspector);
  const { perSecond } = await world.load.run(jobOf(scenario, target, 1, 3_000, size));
  report(await stop(), perSecond);
} finally {
  await world.end();
}

function report({ nodes, samples }: Profile, perSecond: number): void {
  const names = new Map(
    nodes.map(({ id, callFrame }) => [
      id,
      `${callFrame.functionName || '(anonymous)'}:${callFrame.lineNumber + 1}`,
    ]),
  );
  const counts = new Map<string, number>();
  for (const sample of samples) {
    const name = names.get(sample) ?? '?';
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  process.stdout.write(`${kind}, ${bytes} bytes: ${perSecond.toFixed(0)} req/s under the profiler\n`);
  for (const [name, count] of [...counts].sort((a, b) => b[1] - a[1]).slice(0, SHOWN_FUNCTIONS)) {
    process.stdout.write(`${((count / samples.length) * 100).toFixed(1).padStart(5)} %  ${name}\n`);
  }
}

/** Profiles from now on. The returned function ends it. */
async function startProfiler(inspector: string): Promise<() => Promise<Profile>> {
  const targets: unknown = await (await fetch(`http://${inspector}/json`)).json();
  const [first]: unknown[] = Array.isArray(targets) ? targets : [];
  const socket = new WebSocket(String(Reflect.get(Object(first), 'webSocketDebuggerUrl')));
  await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }));
  let lastId = 0;
  const call = (method: string, params: object = {}) => {
    lastId += 1;
    const id = lastId;
    return new Promise<Record<string, unknown>>((resolve) => {
      const listen = (event: { data: unknown }) => {
        const message: { id?: number; result?: Record<string, unknown> } = JSON.parse(String(event.data));
        if (message.id !== id) return;
        socket.removeEventListener('message', listen);
        resolve(message.result ?? {});
      };
      socket.addEventListener('message', listen);
      socket.send(JSON.stringify({ id, method, params }));
    });
  };
  await call('Profiler.enable');
  await call('Profiler.setSamplingInterval', { interval: 200 });
  await call('Profiler.start');
  return async () => {
    const { profile } = await call('Profiler.stop');
    socket.close();
    return profile as Profile;
  };
}
