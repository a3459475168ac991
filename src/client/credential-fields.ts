/**
 * @module Which header fields say who sent a request. One list for the gateway, which keeps callers apart by
 * them, and for the client library, whose stores may be shared by several users. Runs in: any runtime.
 *
 * A field too many makes a caller of its own, who at worst runs a retry again; a field too few gives him what
 * was made for somebody else. So whatever sounds like a credential is one.
 */

/**
 * Carry a credential or name a person or an account, and do not say so in a word that others use for it too.
 */
const KNOWN: ReadonlySet<string> = new Set([
  'client',
  'from',
  'sudo',
  'stripe-context',
  'x-ssl-client-dn',
  'x-ssl-client-s-dn',
  'x-client-dn',
  'ssl-client-s-dn',
  'x-http-iv-user',
  'iv-user',
  'x-forwarded-host',
]);

/** Says credential, anywhere in the name: `apikey` and `accesstoken` are written without a dash. */
const CREDENTIAL =
  /auth|token|key|secret|session|credential|passw|passphrase|passcode|jwt|cert|bearer|assertion|saml|oidc|ticket|signin|login/;

/** Says on whose behalf, anywhere in the name. */
const BEHALF =
  /account|tenant|organi[sz]ation|project|workspace|user|principal|identity|subject|impersonat|behalf|delegat|merchant|customer|consumer|company|partner|seller|member|owner|caller|email|mailbox|admin|employee|vendor|profile|realm|namespace/;

/** The same in words too short to be looked for inside others. */
const SHORT_WORD =
  /(?:^|[-_])(?:orgs?|team|groups?|roles?|site|person[-_]?id|agent[-_]?id|(?:act|run|view|login)[-_]?as|sid|uid|pat|pass|pwd|actor|scope|shop|store|client[-_]?id|app(?:lication)?[-_]?id|device[-_]?id)(?:$|[-_])/;

/**
 * Differ with each attempt by their definition, so that a retry would be another caller: signatures, nonces,
 * times, hashes of the content, names of a trace or of one request, proofs that somebody is no robot, codes
 * for one use. Where somebody is does not say who he is. The last word of a name says what it is:
 * `x-auth-signature` is a signature, `x-signature-key` a key. A token against forgery (CSRF) is made for a
 * page, and proves nothing without the cookie that it comes with.
 */
const PER_ATTEMPT =
  /(?:^|[-_])(?:signature|sign|sig|hmac|nonce|date|time|timestamp|ts|(?:content|body|payload)[-_]?(?:hash|digest|sha\d+|md5)|(?:trace|span|request|correlation|attempt|message|invocation)(?:[-_]?(?:id|context|count))?|exp|expires|expiry|expiration|retry|retries|count|ip|timezone|tz|locale|language|lang|country|region|risk|score)(?:[-_]?(?:v|sha)?\d*)$|csrf|xsrf|captcha|turnstile|datadome|(?:^|[-_])t?otp(?:$|[-_])|idempoten/;

/** What every browser or SDK says about itself, and what the browser alone may set (`Sec-Fetch-User`). */
const ABOUT_THE_CLIENT = /user-?agent$|^sec-/;

/**
 * Many requests have the same few names, and each is judged once. Bounded, as names are the client's to
 * choose.
 */
const judged = new Map<string, boolean>();
const JUDGED_MAX = 1_000;
const JUDGED_NAME_MAX_CHARACTERS = 64;

/**
 * Whether a header field of this lower-case name says who sends a request or on whose behalf. `cookie` is not
 * for this to say.
 */
export function saysWhoSends(name: string): boolean {
  const known = judged.get(name);
  if (known !== undefined) return known;
  const says =
    KNOWN.has(name) ||
    ((CREDENTIAL.test(name) || BEHALF.test(name) || SHORT_WORD.test(name)) &&
      !PER_ATTEMPT.test(name) &&
      !ABOUT_THE_CLIENT.test(name));
  if (name.length <= JUDGED_NAME_MAX_CHARACTERS) {
    if (judged.size >= JUDGED_MAX) judged.clear();
    judged.set(name, says);
  }
  return says;
}
