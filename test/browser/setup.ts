import bundle from '../node/harness/bundle.ts';
import { skipped, warnIfSkipped } from './chromium.ts';

/** Vitest runs this once, before all tests, and shows what it prints. */
export default function setup(): void {
  warnIfSkipped('the console’s tests');
  if (!skipped) bundle();
}
