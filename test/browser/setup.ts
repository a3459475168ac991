import bundle from '../e2e/harness/bundle.ts';
import { skipped } from './chromium.ts';

/** Vitest runs this once, before all tests, and shows what it prints. */
export default function setup(): void {
  if (skipped)
    console.warn('SKIPPED: the console’s tests, as no Chromium was found (CHROMIUM takes its path).');
  else bundle();
}
