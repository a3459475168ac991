import { startScript } from './process.ts';

/** One request that reached the origin. */
export interface Run {
  readonly key: string;
  readonly method: string;
  readonly url: string;
  readonly bytes: number;
}

/**
 * What the origin's own clock says of a request, in milliseconds since the epoch; `null`: that never came.
 */
export interface OriginTimes {
  readonly requestAt: number;
  headAt: number | null;
  lastByteAt: number | null;
  closedAt: number | null;
}

export interface Origin {
  readonly url: string;
  /** What ran under a key. */
  runs(key: string): Promise<Run[]>;
  /** Resolves when a request has arrived at the gate. */
  arrived(gate: string): Promise<void>;
  /** Resolves when a response of this name was closed before its end. */
  closed(name: string): Promise<void>;
  /** When what happened to the response of this name. */
  times(name: string): Promise<OriginTimes>;
  /** Lets through what waits at the gate, and what will come to it. */
  open(gate: string): Promise<void>;
  stop(): Promise<void>;
}

/** The upstream API in a process of its own. */
export async function startOrigin(): Promise<Origin> {
  const script = await startScript('origin-process.ts');
  return {
    url: script.url,
    runs: async (key) => {
      const runs: Run[] = await (await fetch(`${script.url}/_runs`)).json();
      return runs.filter((run) => run.key === key);
    },
    arrived: async (gate) => void (await fetch(`${script.url}/_arrived/${gate}`)),
    closed: async (name) => void (await fetch(`${script.url}/_closed/${name}`)),
    times: async (name) => (await fetch(`${script.url}/_times/${name}`)).json(),
    open: async (gate) => void (await fetch(`${script.url}/_open/${gate}`)),
    stop: script.stop,
  };
}
