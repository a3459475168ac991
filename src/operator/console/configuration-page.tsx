import type { Config, Route } from '../../config.ts';
import { keyFromText } from '../../key-from.ts';
import { scopeText } from '../../scope-from.ts';
import { bytesText, durationText } from './format.ts';

/** The configuration as it is in force, secrets left out. */
export function ConfigurationPage({ config }: { config: Config }) {
  return (
    <>
      <h1>Configuration</h1>
      <p class="lede">
        As it is in force. It is changed in <code>wrangler.toml</code> and by a deploy. A request takes the
        first route that matches its path.
      </p>
      {config.routes.map((route) => (
        <section class="card">
          <h2>
            <code>{route.path}</code>
          </h2>
          <dl class="facts settings">
            {settingsOf(route).map(([name, value]) => (
              <>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </>
            ))}
          </dl>
        </section>
      ))}
      <section class="card">
        <h2>The gateway</h2>
        <dl class="facts settings">
          <dt>HOT_SECONDS</dt>
          <dd>{secondsText(config.hotSeconds)} in the ledger, then in RESULTS only</dd>
          <dt>ADMIN_TOKEN</dt>
          <dd>set</dd>
          <dt>OPERATOR_HOST</dt>
          <dd>
            {config.operatorHost ?? 'none: the console shares its origin with what the upstream serves'}
          </dd>
          <dt>RATE_LIMITER</dt>
          <dd>{config.rateLimiter === null ? 'not bound: no rate limiting' : 'bound'}</dd>
          <dt>EVENTS</dt>
          <dd>{config.events === null ? 'not bound: no Analytics Engine data points' : 'bound'}</dd>
        </dl>
      </section>
    </>
  );
}

function settingsOf(route: Route): [string, string][] {
  return [
    [
      'upstream',
      route.upstream.kind === 'url' ? route.upstream.base : `service binding ${route.upstream.name}`,
    ],
    ['stripPrefix', route.stripPrefix === '' ? 'none' : route.stripPrefix],
    ['key', `${route.key}, in ${keyFromText(route.keyFrom)}`],
    ['forwardKeyAs', forwardText(route)],
    ['methods', route.methods.join(', ')],
    ['forwarded', route.forwarded],
    ['scopeFrom', scopeText(route.scopeFrom)],
    ['fingerprint', route.fingerprint],
    ['ttlSeconds', secondsText(route.ttlSeconds)],
    [
      'concurrent',
      route.concurrent === 'reject' ? 'reject' : `wait, up to ${durationText(route.waitSeconds * 1000)}`,
    ],
    ['failedWhen', route.failedWhen.map(({ text }) => text).join(', ') || 'none'],
    ['unknownOutcome', route.unknownOutcome],
    ['corsOrigins', corsText(route)],
    [
      'recordStatuses',
      route.recordStatuses.map(({ from, to }) => (from === to ? `${from}` : `${from}–${to}`)).join(', '),
    ],
    ['upstreamTimeoutSeconds', secondsText(route.upstreamTimeoutSeconds)],
    ['maxRequestBytes', sizeText(route.maxRequestBytes)],
    ['maxRecordBytes', sizeText(route.maxRecordBytes)],
    [
      'resultsFromBytes',
      route.resultsFromBytes === 0
        ? '0, every result goes to KV'
        : `${sizeText(route.resultsFromBytes)}, smaller results stay in the ledger alone`,
    ],
    ['maxRunningPerCaller', `${route.maxRunningPerCaller} in one ledger object`],
    ['maxStoredBytesPerCaller', `${sizeText(route.maxStoredBytesPerCaller)} in one ledger object`],
    ['shards', `${route.shards}${route.location === null ? '' : `, near ${route.location}`}`],
  ];
}

function forwardText({ forwardKeyAs }: Route): string {
  switch (forwardKeyAs.kind) {
    case 'as-it-came':
      return 'as it came';
    case 'dropped':
      return 'not forwarded';
    case 'in':
      return forwardKeyAs.name;
  }
}

function corsText({ corsOrigins }: Route): string {
  if (corsOrigins === 'none') return 'none, CORS is the upstream’s';
  return corsOrigins === '*' ? '*, every origin, without credentials' : corsOrigins.join(', ');
}

/** As it is written in the settings, and as a person reads it. */
function secondsText(seconds: number): string {
  return `${seconds} (${durationText(seconds * 1000)})`;
}

function sizeText(bytes: number): string {
  return `${bytes} (${bytesText(bytes)})`;
}
