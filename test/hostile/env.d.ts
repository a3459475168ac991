declare module 'node:async_hooks' {
  export class AsyncLocalStorage<T> {
    run<R>(store: T, callback: () => R): R;
    getStore(): T | undefined;
  }
}

declare namespace Cloudflare {
  interface Env {
    HOSTILE_SEED: string;
    HOSTILE_WORLDS: string;
    INSTANCES: DurableObjectNamespace<import('./worker.ts').Instance>;
  }
}
