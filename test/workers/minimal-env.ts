/** The bindings without which there is no gateway. */
export const bindings = { LEDGER: { getByName() {} }, RESULTS: { getWithMetadata() {} } };

/** The least that a gateway needs. */
export const minimal = { ...bindings, UPSTREAM_URL: 'https://api.example' };
