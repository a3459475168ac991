import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * A package whose code is in what is published, where it lies, and what its authors allow under which text.
 */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** SPDX. */
  readonly license: string;
  /** As npm writes it: `node_modules/hono`. */
  readonly path: string;
}

interface Metafile {
  readonly outputs: Readonly<
    Record<string, { readonly inputs: Readonly<Record<string, { readonly bytesInOutput: number }>> }>
  >;
}

/**
 * The packages of which the bundles under dist/ hold at least a byte, by name. Throws where nothing is built.
 */
export function bundledPackages(): BundledPackage[] {
  const files = readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('bundle-meta.json'),
  );
  if (files.length === 0) throw new Error('there is no bundle-meta.json in dist/; build first');
  const paths = new Set(files.flatMap((file) => packagesOf(JSON.parse(read(join('dist', file))))));
  return [...paths]
    .map((path): BundledPackage => {
      const { name, version, license } = JSON.parse(read(join(path, 'package.json')));
      return { name, version, license, path };
    })
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** A file of the repository. */
export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

function packagesOf({ outputs }: Metafile): string[] {
  return Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([input, { bytesInOutput }]) => {
      // The last one: a package may have packages of its own.
      const [path] = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input) ?? [];
      return path === undefined || bytesInOutput === 0 ? [] : [path];
    }),
  );
}
