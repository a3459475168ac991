/** @module The page where the operator logs in. Runs in: the Worker. */

import { OPERATOR_PREFIX } from '../../settings.ts';
import type { Attempt } from '../login-throttle.ts';
import { Head } from './page.tsx';

/** Where the operator logs in. */
export function LoginPage(props: {
  /** The page of the console that he wanted. */
  to: string;
  host: string;
  /** How the page came, where it came without TLS. */
  insecure: 'over-loopback' | 'over-a-network' | null;
  /** Whether a link of another site led here: a browser does not send the login's cookie with that. */
  fromElsewhere: boolean;
  /**
   * Whether a browser's password store may keep the token: an upstream on the same origin could have it
   * filled in.
   */
  mayBeKept: boolean;
  attempt: Exclude<Attempt, { kind: 'right' }> | undefined;
}) {
  const { to, host, insecure, fromElsewhere, mayBeKept, attempt } = props;
  return (
    <html lang="en">
      <Head title="Log in" />
      <body>
        <main class="login">
          <h1>Oncegate</h1>
          <p class="lede">The operator’s console of {host}</p>
          {fromElsewhere && (
            <p class="notice">
              Logged in already? A link on another site does not carry the login.{' '}
              <a href={to}>Open the page from here</a>
            </p>
          )}
          {attempt !== undefined && (
            <p class="notice bad" role="alert">
              {attempt.kind === 'wrong'
                ? 'That is not the ADMIN_TOKEN of this gateway.'
                : `Too many wrong tokens came from here. Try again in ${attempt.seconds} s.`}
            </p>
          )}
          <form method="post" action={`${OPERATOR_PREFIX}/login`}>
            <input type="hidden" name="to" value={to} />
            <label for="token">ADMIN_TOKEN</label>
            <input
              id="token"
              name="token"
              type="password"
              required
              autofocus
              autocomplete={mayBeKept ? 'current-password' : 'off'}
              spellcheck={false}
            />
            <button type="submit">Log in</button>
          </form>
          {insecure !== null && (
            <p class="lede">
              {insecure === 'over-loopback'
                ? 'Over http, Safari keeps no login. Other browsers do on this machine.'
                : 'This page came over http, and a browser keeps no login there. Open it over https.'}
            </p>
          )}
        </main>
      </body>
    </html>
  );
}
