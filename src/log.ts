type LogValue = string | number | boolean | null;

/**
 * Writes one structured log line: a JSON object that Workers Logs indexes by field. No line ever holds a credential, an
 * idempotency key or a body.
 */
export function log(level: 'info' | 'warn' | 'error', event: string, fields: Record<string, LogValue>): void {
  console[level](JSON.stringify({ level, event, ...fields }));
}

/** An error as text for a log line. */
export function textOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
