import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('.', import.meta.url));

export default defineConfig({
  root,
  test: {
    name: 'client',
    include: ['**/*.test.ts'],
    pool: 'forks',
    globalSetup: ['build.ts'],
    // Packing, bundling and browsers share two cores with whatever else runs.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
