/** @module What the operator's API says where it does not do what was asked. Runs in: the Worker. */

import { problemJson } from '../response/problem.ts';

const TITLES = {
  400: 'Bad request',
  401: 'Unauthorized',
  404: 'Not found',
  409: 'Conflict',
  429: 'Too many requests',
  503: 'Service unavailable',
} as const;

/** A problem without a type of its own (RFC 9457 §4.2.1): its status says it all. */
export function operatorProblem(
  status: keyof typeof TITLES,
  detail: string,
  fields: Record<string, string> = {},
): Response {
  return problemJson({ type: 'about:blank', title: TITLES[status], status, detail }, fields);
}
