/** @module The upstream's status. Runs in: the Worker, the ledger object. */

/** The upstream's status. One that HTTP does not have is taken for a server error (RFC 9110 §15). */
export function statusOf(response: Response): number {
  return response.status >= 200 && response.status <= 599 ? response.status : 502;
}
