/** @module A response with another body. Runs in: any runtime. */

/**
 * The response with another body. What the constructor cannot take over (`url`, `redirected`, `type`) is
 * carried along, through `clone()` too, as SDKs log and resolve against it.
 */
export function withBody(response: Response, body: ReadableStream<Uint8Array>): Response {
  const { status, statusText, headers } = response;
  const copy = new Response(body as ReadableStream<Uint8Array<ArrayBuffer>>, { status, statusText, headers });
  return withOrigin(copy, { url: response.url, redirected: response.redirected, type: response.type });
}

/** Gives a constructed response the `url`, `redirected` and `type` of a fetched one. */
export function withOrigin(
  response: Response,
  origin: Pick<Response, 'url' | 'redirected' | 'type'>,
): Response {
  const clone = response.clone.bind(response);
  return Object.defineProperties(response, {
    url: { value: origin.url, enumerable: true },
    redirected: { value: origin.redirected, enumerable: true },
    type: { value: origin.type, enumerable: true },
    clone: { value: () => withOrigin(clone(), origin) },
  });
}
