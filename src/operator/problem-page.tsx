/** @module The page that explains a problem. Runs in: the Worker. */

import type { Context } from 'hono';
import { isProblemSlug, problemTypes } from '../response/problem.ts';
import { documentOf } from './document.tsx';

/** `GET /_oncegate/problems/:slug`: the page that a problem's `type` leads to, for people. */
export async function problemPage(c: Context): Promise<Response> {
  const slug = c.req.param('slug') ?? '';
  c.header(
    'content-security-policy',
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
  );
  c.header('x-content-type-options', 'nosniff');
  if (!isProblemSlug(slug)) {
    return c.html(
      documentOf(
        <Page title="No such problem">
          <p>The gateway knows these:</p>
          <ul>
            {Object.entries(problemTypes).map(([known, { title }]) => (
              <li>
                <a href={known}>{title}</a>
              </li>
            ))}
          </ul>
        </Page>,
      ),
      404,
    );
  }
  const { title, status, page, retry } = problemTypes[slug];
  return c.html(
    documentOf(
      <Page title={title}>
        <p>
          Problem <code>{slug}</code>, HTTP status <code>{status}</code>.
        </p>
        {page.map((paragraph) => (
          <p>{paragraph}</p>
        ))}
        <p>
          {retry
            ? 'The same request may be retried as it is.'
            : 'Retrying the same request as it is will lead here again.'}
        </p>
      </Page>,
    ),
  );
}

function Page({ title, children }: { title: string; children?: unknown }) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`${title} · Oncegate`}</title>
        <style>{STYLE}</style>
      </head>
      <body>
        <main>
          <h1>{title}</h1>
          {children}
        </main>
      </body>
    </html>
  );
}

const STYLE = `
  :root { color-scheme: light dark }
  body { font: 1rem/1.6 system-ui, sans-serif; margin: 0 }
  main { max-width: 40rem; margin: 4rem auto; padding: 0 1.25rem }
  h1 { font-size: 1.6rem; line-height: 1.25; text-wrap: balance }
  code { font-size: .95em }
  h1, p, li { overflow-wrap: anywhere }
`;
