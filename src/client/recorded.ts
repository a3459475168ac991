/** @module What a response says about where it comes from. Runs in: any runtime. */

/**
 * What a response says about where it comes from: `recorded` (replayed), `collapsed` (joined to a running
 * execution), `first` (this request's own execution, to be recorded), or `unknown` (a server that says
 * nothing, or that will not record it).
 */
export type Provenance = 'recorded' | 'collapsed' | 'first' | 'unknown';

const REPLAYED_HEADER = 'Idempotent-Replayed';

/** One list member of a structured field: a comma within quotes does not end it. */
const MEMBER = /(?:"(?:[^"\\]|\\.)*"|[^",])+/g;

/** A String of a structured field, as the value of a parameter. */
const QUOTED_VALUE = /="(?:[^"\\]|\\.)*"/g;

/** Marks headers as those of a replay. */
export function markReplayed(headers: Headers): void {
  headers.set(REPLAYED_HEADER, 'true');
}

/**
 * Whether the response tells of an earlier run, to be told on. The gateway says so in `Cache-Status`; where
 * no gateway has spoken, an API's own `Idempotent-Replayed` (Stripe) is believed. It proves nothing about
 * what the gateway keeps, so nothing is sent again on its word.
 */
export function isReplayed(headers: Headers): boolean {
  const parameters = gatewayParameters(headers);
  if (parameters !== undefined) return provenanceOf(parameters) === 'recorded';
  return headers.get(REPLAYED_HEADER)?.trim().toLowerCase() === 'true';
}

/**
 * What the gateway says of the response. Nobody else is asked: no other cache, and not what an upstream says
 * of itself.
 */
export function provenance(headers: Headers): Provenance {
  const parameters = gatewayParameters(headers);
  return parameters === undefined ? 'unknown' : provenanceOf(parameters);
}

function provenanceOf(parameters: ReadonlySet<string>): Provenance {
  if (parameters.has('hit')) return 'recorded';
  // A detail says why there is no record: asked for again, it would run again.
  const unrecorded = [...parameters].some((parameter) => parameter.startsWith('detail='));
  if (unrecorded) return 'unknown';
  if (parameters.has('collapsed')) return 'collapsed';
  return parameters.has('stored') ? 'first' : 'unknown';
}

/**
 * The parameters of the gateway's member of `Cache-Status` (RFC 9211), which lists the cache nearest to the
 * client last. So the last member of this name is of the gateway that was asked, whatever an upstream has
 * written before it.
 */
function gatewayParameters(headers: Headers): ReadonlySet<string> | undefined {
  const members = headers.get('cache-status')?.match(MEMBER) ?? [];
  return members
    .map((member) => member.replace(QUOTED_VALUE, '=""').split(';'))
    .map(([cache = '', ...parameters]) => ({ cache: cache.trim(), parameters }))
    .filter(({ cache }) => cache === 'oncegate' || cache === '"oncegate"')
    .map(({ parameters }) => new Set(parameters.map((parameter) => parameter.trim())))
    .at(-1);
}
