import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { bindingOf, routeSettings } from '../../src/settings.ts';

const BINDINGS = { LEDGER: { getByName() {} }, RESULTS: { getWithMetadata() {} } };
const FIELDS = [...Object.keys(routeSettings), 'noSuchSetting'];
const SHARED = FIELDS.map(bindingOf).filter((name) => name !== null);

/**
 * What somebody may write for a setting: what is right for some other one, near misses, and anything at all.
 */
const value = fc.oneof(
  fc.constantFrom<unknown>(
    '',
    ' ',
    '0',
    '1',
    '-1',
    '1e3',
    '60',
    60,
    0,
    -1,
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    true,
    null,
  ),
  fc.constantFrom('/*', '/a/:b{[0-9]+}', '/a/:b{[}', '/a/:b{(}', '/_oncegate/x', '*', '/:', '/**', '/a?/b?'),
  fc.constantFrom('https://api.example', 'ftp://x', 'https://u:p@x/?q#h', 'http://', '//x', 'POST,,', 'HEAD'),
  fc.constantFrom(
    '200-299',
    '299-200',
    '99',
    '200-',
    'retry',
    'refuse',
    'wait',
    'cookie:',
    'query:key',
    'auto',
    'a b',
    'none',
    'weur',
    'sse-error,json:/ok=false',
    'json:/a="',
  ),
  fc.constantFrom('*', 'https://app.example', 'https://app.example/', '*,none', 'null', 'app://x'),
  fc.constantFrom('[{}]', '[', '[1]', '{}'),
  fc.anything({ withBigInt: true, withNullPrototype: true, withSparseArray: true, withDate: true }),
);
const table = fc.dictionary(fc.constantFrom(...FIELDS), value, { maxKeys: 6 });

/** How the schema library says it, which is no language for an operator. */
const LIBRARY_WORDS = /Expected|received|Invalid (?:type|key|length|value|format|JSON)/;

test('no setting, whatever it holds, makes the configuration throw, and each bad one is named with its reason', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom(...SHARED, 'HOT_SECONDS', 'LEDGER', 'RESULTS'), value, { maxKeys: 6 }),
      fc.oneof(fc.constant(undefined), fc.array(table, { maxLength: 4 }), value),
      (env, routes) => {
        const given = { UPSTREAM_URL: 'https://api.example', ...BINDINGS, ...env, ROUTES: routes };
        const result = parseConfig(given);
        if (result.ok) return;
        expect(result.bad.length).toBeGreaterThan(0);
        for (const { setting, why } of result.bad) {
          expect(setting).toMatch(/^(ROUTES(\[\d+\](\..*)?)?|[A-Z_]+)$/s);
          expect(why.trim()).not.toBe('');
          expect(why).not.toMatch(LIBRARY_WORDS);
        }
      },
    ),
    { numRuns: 5_000 },
  );
});

test.each(FIELDS.flatMap((field) => [[field, Symbol('no setting takes this')] as const]))(
  'a route’s %s that nothing takes is named',
  (field, nothing) => {
    const result = parseConfig({
      UPSTREAM_URL: 'https://api.example',
      ...BINDINGS,
      ROUTES: [{ [field]: nothing }],
    });
    expect(result.ok ? [] : result.bad.map(({ setting }) => setting)).toContain(`ROUTES[0].${field}`);
  },
);
