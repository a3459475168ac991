/** @module Whether a request came to the operator's own host. Runs in: the Worker. */

/**
 * Whether a request came to the operator's own host (`OPERATOR_HOST`): by name and port where that has one,
 * by name alone where it has none.
 */
export function isOperatorHost(operatorHost: string, url: URL): boolean {
  // A name with the dot of the root is the same host; one with more of them is nobody's.
  const name = url.hostname.replace(/\.+$/, '');
  return operatorHost === name || operatorHost === (url.port === '' ? name : `${name}:${url.port}`);
}

/** Whether the host is the machine that the client runs on. */
export function isLoopback({ hostname }: URL): boolean {
  return /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
