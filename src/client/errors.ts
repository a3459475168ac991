/** @module The errors that the library throws. Runs in: any runtime. */

/**
 * An {@link idempotentFetch} call that ended without a usable response: all retries used up, or no time left.
 *
 * - `reason`: `network` (the connection failed; `cause` is what the runtime's fetch threw), `timeout`
 *   (`attemptTimeoutMs` or `totalTimeoutMs` ran out; `cause` is a `TimeoutError`), or `status` (only with
 *   `throwWhenExhausted`; `lastResponse` has its body still unread).
 * - `key`: the idempotency key of every attempt. Call again with it and nothing runs twice behind a gateway.
 * - `attempts`: how many times the request was sent.
 * - `lastResponse`: the last response seen, if there was one. Its body is gone unless `reason` is `status`.
 *
 * @example
 * ```ts
 * try {
 *   await fetchOnce(url, { method: 'POST', body });
 * } catch (error) {
 *   if (error instanceof RetriesExhaustedError) saveForLater(body, error.key);
 *   else throw error;
 * }
 * ```
 */
export class RetriesExhaustedError extends Error {
  override readonly name = 'RetriesExhaustedError';
  readonly reason: 'network' | 'timeout' | 'status';
  readonly key: string | undefined;
  readonly attempts: number;
  readonly lastResponse: Response | undefined;

  constructor(
    message: string,
    details: Pick<RetriesExhaustedError, 'reason' | 'key' | 'attempts' | 'lastResponse'> & {
      cause?: unknown;
    },
  ) {
    super(message, { cause: details.cause });
    this.reason = details.reason;
    this.key = details.key;
    this.attempts = details.attempts;
    this.lastResponse = details.lastResponse;
  }
}

/**
 * A response body that broke off and could not be continued. Thrown to whoever reads the body.
 *
 * - `reason`: `exhausted` (it broke off too often, or could not be asked for again) or `other-response` (what
 *   came back is not provably the response already read from, so its bytes were not joined to it).
 * - `key`: ask again with it to get the recorded response from its first byte.
 * - `bytesRead`: decoded bytes handed out before the break. They are a true prefix of that first response.
 *
 * @example
 * ```ts
 * // Throws BrokenBodyError: discard what was shown, ask anew.
 * for await (const chunk of response.body) show(chunk);
 * ```
 */
export class BrokenBodyError extends Error {
  override readonly name = 'BrokenBodyError';
  readonly reason: 'exhausted' | 'other-response';
  readonly key: string;
  readonly bytesRead: number;

  constructor(
    message: string,
    details: Pick<BrokenBodyError, 'reason' | 'key' | 'bytesRead'> & { cause: unknown },
  ) {
    super(message, { cause: details.cause });
    this.reason = details.reason;
    this.key = details.key;
    this.bytesRead = details.bytesRead;
  }
}

/**
 * A key used before for something else, found in the client's own store. The same rule as the gateway's 422
 * `key-reused`; nothing was sent.
 *
 * - `reason`: `other-request` (other method, URL, media type or body) or `other-credentials` (the same caller
 *   by the fields that name him, but with another `Cookie`: perhaps another user's session, so he does not
 *   get the response).
 * - `key`: the key in question.
 *
 * @example
 * ```ts
 * if (error instanceof KeyReusedError) console.error(`${error.key} already names another order`);
 * ```
 */
export class KeyReusedError extends Error {
  override readonly name = 'KeyReusedError';
  readonly key: string;
  readonly reason: 'other-request' | 'other-credentials';

  constructor(key: string, reason: KeyReusedError['reason']) {
    super(
      reason === 'other-request'
        ? `The key ${key} was already used for a different request. Use a new key for a new request.`
        : `The key ${key} was already used with other credentials: the Cookie field differs. Use a key of its own for each user.`,
    );
    this.key = key;
    this.reason = reason;
  }
}
