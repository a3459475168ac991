/** @module What every page of the console has around it. Runs in: the Worker. */

import type { Child } from 'hono/jsx';
import { version } from '../../../package.json';
import { OPERATOR_PREFIX } from '../../settings.ts';

/** Where the console is. */
export const CONSOLE = `${OPERATOR_PREFIX}/console`;

/**
 * These tell requests of the console's own forms and script from what others send with the operator's login.
 */
export const FORM_TOKEN_FIELD = 'form_token';

/** The field in which the script sends a page's token. */
export const PAGE_TOKEN_HEADER = 'oncegate-page-token';

const SECTIONS = [
  { href: `${OPERATOR_PREFIX}/`, name: 'Overview' },
  { href: `${CONSOLE}/executions`, name: 'Executions' },
  { href: `${CONSOLE}/failures`, name: 'Failures' },
  { href: `${CONSOLE}/configuration`, name: 'Configuration' },
] as const;

/** A part of the console, as its navigation names it. */
export type Section = (typeof SECTIONS)[number]['name'];

/**
 * The head of each page. The script shows times in the reader's zone, copies, and refreshes a `live` page,
 * with its token.
 */
export function Head({
  title,
  live = false,
  formToken,
}: {
  title: string;
  live?: boolean;
  formToken?: FormToken;
}) {
  return (
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <meta name="robots" content="noindex" />
      <title>{`${title} · Oncegate`}</title>
      <link rel="icon" href={`${CONSOLE}/icon.svg`} type="image/svg+xml" />
      <link rel="stylesheet" href={`${CONSOLE}/console.css`} />
      {live && <meta name="page-token" content={formToken ?? ''} />}
      <script type="module" src={`${CONSOLE}/console.js`}></script>
    </head>
  );
}

/**
 * The token that a page's forms carry. A page for a program has none: a program presents the token with each
 * request.
 */
export type FormToken = string | undefined;

/** A form that the console accepts as its own. */
export function OwnForm(props: { action: string; formToken: FormToken; class?: string; children?: Child }) {
  const { action, formToken, children } = props;
  return (
    <form method="post" action={action} class={props.class}>
      {formToken !== undefined && <input type="hidden" name={FORM_TOKEN_FIELD} value={formToken} />}
      {children}
    </form>
  );
}

/** A page of the console. `searchedKey` stands in the search field. */
export function Page(props: {
  title: string;
  section: Section;
  host: string;
  searchedKey?: string | undefined;
  live?: boolean;
  formToken: FormToken;
  children?: Child;
}) {
  const { title, section, host, searchedKey, live = false, formToken, children } = props;
  return (
    <html lang="en">
      <Head title={title} live={live} formToken={formToken} />
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
            <OwnForm class="find" action={`${CONSOLE}/executions`} formToken={formToken}>
              <label class="unseen" for="key">
                Idempotency key
              </label>
              <input
                id="key"
                name="key"
                type="search"
                value={searchedKey ?? ''}
                placeholder="What happened to this key?"
                autocomplete="off"
                spellcheck={false}
              />
              <button type="submit">Find</button>
            </OwnForm>
          </search>
        </header>
        <main id="main" tabindex={-1}>
          {children}
        </main>
        <footer>
          <span>
            Oncegate {version} on {host}
          </span>
          <span>
            Times are <span id="zone">UTC</span>
          </span>
          {live && (
            <span id="live" class="live" hidden>
              <button type="button" aria-pressed="true">
                Live
              </button>{' '}
              <span role="status"></span>
            </span>
          )}
          {formToken !== undefined && (
            <OwnForm action={`${OPERATOR_PREFIX}/logout`} formToken={formToken}>
              <button type="submit" class="small">
                Log out
              </button>
            </OwnForm>
          )}
        </footer>
      </body>
    </html>
  );
}
