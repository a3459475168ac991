import type { Browser, Page } from 'playwright-core';
import { startGateway } from '../node/harness/gateway.ts';
import type { RunningScript } from '../node/harness/process.ts';
import { type ReflectingUpstream, startReflectingUpstream } from '../node/harness/reflecting-upstream.ts';
import { launch } from './chromium.ts';
import { type PageServer, startPageServer } from './cors-page.ts';

/** Routes whose CORS is the gateway's, and the same with that of the upstream. */
export const MODES = ['own', 'theirs'] as const;
export type Mode = (typeof MODES)[number];

/** A page, and on other origins the gateway that it calls and the upstreams behind that. */
export interface CorsWorld {
  readonly gateway: RunningScript;
  /** Its preflights know nothing of idempotency keys. */
  readonly unaware: ReflectingUpstream;
  /** Its preflights allow them. */
  readonly aware: ReflectingUpstream;
  /** The one behind the routes of a mode. */
  upstreamOf(mode: Mode): ReflectingUpstream;
  readonly site: PageServer;
  readonly browser: Browser;
  readonly page: Page;
  stop(): Promise<void>;
}

export async function startCorsWorld(): Promise<CorsWorld> {
  const [unaware, aware, site, browser] = await Promise.all([
    startReflectingUpstream({ allowedHeaders: 'content-type' }),
    startReflectingUpstream({ allowedHeaders: 'content-type, idempotency-key, authorization, prefer' }),
    startPageServer(),
    launch(),
  ]);
  const routes = [
    {
      name: 'strict',
      concurrent: 'reject',
      unknownOutcome: 'refuse',
      maxRequestBytes: 10,
      maxRecordBytes: 100,
      maxRunningPerCaller: 1,
      shards: 1,
    },
    { name: 'quick', upstreamTimeoutSeconds: 1 },
    { name: 'plain' },
    { name: 'later', respondAsync: true, unknownOutcome: 'refuse' },
  ];
  const gateway = await startGateway({
    faulty: true,
    vars: {
      ROUTES: [
        ...MODES.flatMap((mode) =>
          routes.map(({ name, ...settings }) => ({
            ...settings,
            path: `/${mode}/${name}/*`,
            stripPrefix: `/${mode}/${name}`,
            upstream: mode === 'own' ? unaware.url : aware.url,
            corsOrigins: mode === 'own' ? site.origins : 'none',
          })),
        ),
        { path: '/every/*', stripPrefix: '/every', upstream: unaware.url, corsOrigins: '*' },
        {
          path: '/nobody/*',
          stripPrefix: '/nobody',
          upstream: unaware.url,
          corsOrigins: 'https://x.example',
        },
        { path: '/unaware/*', stripPrefix: '/unaware', upstream: unaware.url },
      ],
    },
  });
  const page = await site.open(browser, site.origins[0]);
  return {
    gateway,
    unaware,
    aware,
    upstreamOf: (mode) => (mode === 'own' ? unaware : aware),
    site,
    browser,
    page,
    stop: async () => {
      await browser.close();
      await gateway.stop();
      await Promise.all([unaware, aware, site].map((server) => server[Symbol.asyncDispose]()));
    },
  };
}

/** What `fetch` is called with in a page: a POST with this key. */
export function keyed(key: string, init: RequestInit = {}): RequestInit {
  return { method: 'POST', headers: { 'idempotency-key': key }, ...init };
}

/** How often the upstream was asked to do this. */
export function runs(upstream: ReflectingUpstream, path: string): number {
  return upstream.requests.filter((request) => request === `POST ${path}`).length;
}
