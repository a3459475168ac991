/**
 * Writes dist/THIRD-PARTY-NOTICES.txt: the licences of all that is bundled, word for word, as each of them
 * asks for.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BundledPackage, bundledPackages, read, root } from './bundled.ts';

const HEAD = `Oncegate is under the MIT licence; see LICENSE. Its bundles, dist/worker, dist/hono and dist/cli, hold code of the packages
below, each under its own licence.
`;

const RULE = '-'.repeat(80);

const notices = bundledPackages().map(
  (bundled) => `${RULE}\n${bundled.name} ${bundled.version} (${bundled.license})\n\n${textsOf(bundled)}`,
);
writeFileSync(join(root, 'dist/THIRD-PARTY-NOTICES.txt'), [HEAD, ...notices].join('\n'));

/** A licence that is not there cannot be passed on, and nor can the code. */
function textsOf({ name, path }: BundledPackage): string {
  const files = readdirSync(join(root, path)).filter((file) => /^(licen[cs]e|copying|notice)\b/i.test(file));
  if (files.length === 0) throw new Error(`${name} has no text of its licence`);
  return files.map((file) => `${read(join(path, file)).trim()}\n`).join('\n');
}
