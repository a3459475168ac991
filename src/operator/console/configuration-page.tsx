/** @module The page of the configuration. Runs in: the Worker. */

import type { Config } from '../../config.ts';
import { gatewayTexts, routeTexts } from '../../setting-texts.ts';
import { bindingOf } from '../../settings.ts';

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
          <Settings all={routeTexts(route)} />
        </section>
      ))}
      <section class="card">
        <h2>The gateway</h2>
        <Settings
          all={[
            ...gatewayTexts(config).map(([field, text]): [string, string] => [
              bindingOf(field) ?? field,
              text,
            ]),
            ['RATE_LIMITER', config.rateLimiter === null ? 'not bound: no rate limiting' : 'bound'],
            ['EVENTS', config.events === null ? 'not bound: no Analytics Engine data points' : 'bound'],
          ]}
        />
      </section>
    </>
  );
}

function Settings({ all }: { all: readonly (readonly [name: string, value: string])[] }) {
  return (
    <dl class="facts settings">
      {all.map(([name, value]) => (
        <>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </>
      ))}
    </dl>
  );
}
