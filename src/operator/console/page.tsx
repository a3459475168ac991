import type { Child } from 'hono/jsx';
import { version } from '../../../package.json';
import { OPERATOR_PREFIX } from '../../settings.ts';

export const CONSOLE = `${OPERATOR_PREFIX}/console`;

const SECTIONS = [
  { href: `${OPERATOR_PREFIX}/`, name: 'Overview' },
  { href: `${CONSOLE}/executions`, name: 'Executions' },
  { href: `${CONSOLE}/configuration`, name: 'Configuration' },
] as const;

export type Section = (typeof SECTIONS)[number]['name'];

/** A page of the console. `soughtKey` stands in the search field; a `live` page is refreshed by the script. */
export function Page(props: {
  title: string;
  section: Section;
  host: string;
  soughtKey?: string | undefined;
  live?: boolean;
  children?: Child;
}) {
  const { title, section, host, soughtKey, live = false, children } = props;
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>{`${title} · Oncegate`}</title>
        <link rel="icon" href={`${CONSOLE}/icon.svg`} type="image/svg+xml" />
        <link rel="stylesheet" href={`${CONSOLE}/console.css`} />
        {live && <script type="module" src={`${CONSOLE}/console.js`}></script>}
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to the content
        </a>
        <header class="top">
          <a class="brand" href={`${OPERATOR_PREFIX}/`}>
            <img src={`${CONSOLE}/icon.svg`} alt="" width="22" height="22" />
            Oncegate
          </a>
          <nav aria-label="Console">
            {SECTIONS.map(({ href, name }) => (
              <a href={href} {...(name === section ? { 'aria-current': 'page' as const } : {})}>
                {name}
              </a>
            ))}
          </nav>
          <search>
            <form class="find" method="get" action={`${CONSOLE}/executions`}>
              <label class="unseen" for="key">
                Idempotency key
              </label>
              <input
                id="key"
                name="key"
                type="search"
                value={soughtKey ?? ''}
                placeholder="What happened to this key?"
                autocomplete="off"
                spellcheck={false}
              />
              <button type="submit">Find</button>
            </form>
          </search>
        </header>
        <main id="main" tabindex={-1}>
          {children}
        </main>
        <footer>
          <span>
            Oncegate {version} on {host}
          </span>
          <span>Times are UTC</span>
          {live && (
            <span id="live" class="live" hidden>
              <button type="button" aria-pressed="true">
                Live
              </button>{' '}
              <span role="status"></span>
            </span>
          )}
        </footer>
      </body>
    </html>
  );
}
