declare namespace Cloudflare {
  interface Env {
    LEDGER: DurableObjectNamespace<import('../../../src/index.ts').Ledger>;
    RESULTS: KVNamespace;
    ORIGIN: Fetcher;
  }
  interface GlobalProps {
    mainModule: typeof import('../../../src/index.ts');
  }
}
