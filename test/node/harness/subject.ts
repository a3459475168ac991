import { test } from 'vitest';
import { SUBJECT } from './bundle.ts';

/** A test of what only a gateway does, having an upstream. There is none such of an app. */
export const testOfGateway: (promise: string, run: () => Promise<void>) => void =
  SUBJECT === 'gateway' ? test : () => {};
