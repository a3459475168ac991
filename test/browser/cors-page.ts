import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Browser, Frame, Page } from 'playwright-core';

/** What a page gets of a request: what it can read of the response, or the error. */
export type Outcome =
  | {
      readonly kind: 'response';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
    }
  | { readonly kind: 'error'; readonly error: string };

/** `send`, and the client library, for whoever writes into the page. A sandboxed frame gets `send` too. */
const PAGE = `<!doctype html><title>A page of another origin</title>
<script>
  async function send(url, init) {
    try {
      const response = await fetch(url, init);
      const headers = Object.fromEntries(response.headers);
      return { kind: 'response', status: response.status, headers, body: await response.text() };
    } catch (error) {
      return { kind: 'error', error: String(error) };
    }
  }
</script>
<iframe sandbox="allow-scripts" srcdoc="a document of no origin"></iframe>`;

export interface PageServer extends AsyncDisposable {
  /** Two origins that serve the same page. */
  readonly origins: readonly [string, string];
  open(browser: Browser, origin: string): Promise<Page>;
}

/** A site with a page that makes requests, and the client library as a browser loads it. */
export async function startPageServer(): Promise<PageServer> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('../../src/client/index.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
  });
  const bundle = outputFiles[0]?.text ?? '';
  const server = createServer(({ url }, response) => {
    const [mediaType, text] = url === '/client.js' ? ['text/javascript', bundle] : ['text/html', PAGE];
    response.writeHead(200, { 'content-type': mediaType }).end(text);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    origins: [`http://127.0.0.1:${port}`, `http://localhost:${port}`],
    open: async (browser, origin) => {
      const page = await browser.newPage();
      await page.goto(origin, { waitUntil: 'load' });
      return page;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Sends a request from the page by the browser's own `fetch`. */
export function send(frame: Page | Frame, url: string, init: RequestInit = {}): Promise<Outcome> {
  // As text: a function would be rewritten by the test runner before it gets to the page.
  return frame.evaluate<Outcome>(`send(${JSON.stringify(url)}, ${JSON.stringify(init)})`);
}

/** Runs the body of an asynchronous function in the page, with all that the client library exports. */
export function withClient<T>(page: Page, script: string): Promise<T> {
  return page.evaluate<T>(`(async () => {
    const { idempotentFetch, RetriesExhaustedError } = await import('/client.js');
    ${script}
  })()`);
}
