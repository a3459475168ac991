/** The longest wait that a client asks for with `Prefer: wait=N` (RFC 7240 §4.3), in seconds; without one, no limit. */
export function preferredWaitSeconds(prefer: string | null): number {
  const [, seconds] = /(?:^|,)\s*wait\s*=\s*"?(\d+)"?\s*(?:[,;]|$)/i.exec(prefer ?? '') ?? [];
  return seconds === undefined ? Number.POSITIVE_INFINITY : Number(seconds);
}
