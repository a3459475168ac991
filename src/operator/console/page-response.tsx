/** @module A page of the console as a response. Runs in: the Worker. */

import type { Context } from 'hono';
import type { Child } from 'hono/jsx';
import type { OperatorEnv } from '../app.ts';
import { documentOf } from '../document.tsx';
import { CONSOLE, Page, type Section } from './page.tsx';

/** A request for a page of the console. */
export type ConsoleContext = Context<OperatorEnv>;

/** What it is answered with. */
export type Answer = Promise<Response>;

/** What stands around the content of a page. */
export interface PageHead {
  readonly title: string;
  readonly section: Section;
  /** The key that was typed into the search; it stays there. */
  readonly searchedKey?: string | undefined;
  /** Whether the page keeps itself up to date. */
  readonly live?: boolean;
}

/** A page of the console as a response. */
export async function page(
  c: ConsoleContext,
  head: PageHead,
  content: Child,
  status: 200 | 400 | 404 | 409 | 503 = 200,
): Answer {
  const { host } = new URL(c.req.url);
  c.header('cache-control', 'no-store');
  return c.html(
    documentOf(
      <Page {...head} host={host} formToken={c.get('formToken')}>
        {content}
      </Page>,
    ),
    status,
  );
}

/** A page that has nothing to show but this. */
export function Message({ title, detail }: { title: string; detail: string }) {
  return (
    <>
      <h1>{title}</h1>
      <p class="lede">{detail}</p>
      <p>
        <a href={`${CONSOLE}/executions`}>All executions</a>
      </p>
    </>
  );
}
