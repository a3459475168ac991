/** @module One HTTP call of a command, to this very address. Runs in: Node. */

import { EXIT, Exit } from './exit.ts';

/**
 * `fetch`, for an answer from this very address. What is sent, the token and what a proxy in front wants, is
 * meant for it alone, so a redirect is not followed. Ends the command where there is no answer.
 */
export async function ask(url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { ...init, redirect: 'manual' });
  } catch (error) {
    throw new Exit(EXIT.unreachable, `${new URL(url).origin} cannot be reached: ${whyNoAnswer(error)}.`);
  }
  if (response.status < 300 || response.status > 399) return response;
  const to = URL.parse(response.headers.get('location') ?? '', url)?.origin ?? 'somewhere';
  throw new Exit(
    EXIT.unreachable,
    `${new URL(url).origin} sends on to ${to}, and was not followed. Give the gateway’s own address as --url, and what a login in front of it wants as --header.`,
  );
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing answers there',
  ECONNRESET: 'the connection broke',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'its name cannot be looked up',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
  ETIMEDOUT: 'it does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
  UND_ERR_HEADERS_TIMEOUT: 'it does not answer',
  UND_ERR_BODY_TIMEOUT: 'its answer does not end',
  UND_ERR_SOCKET: 'the connection broke',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not trusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not trusted',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
};

/** Why `fetch` brought nothing, in words for people, with the code by which a search finds more. */
export function whyNoAnswer(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  // A host with several addresses fails with an error for each.
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  if (!(first instanceof Error)) return String(first);
  const code = 'code' in first && typeof first.code === 'string' ? first.code : null;
  if (code === null) return first.message;
  return `${REASONS[code] ?? first.message} (${code})`;
}
