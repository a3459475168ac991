/** What the gateway says in `Cache-Status`: of a first run, … */
export const FIRST = 'oncegate; fwd=miss; stored';
/** … of one that the request has joined, … */
export const JOINED = 'oncegate; fwd=miss; collapsed';
/** … and of a replay. */
export const REPLAY = 'oncegate; hit; ttl=60';
