/** What is sent to an API that takes every order it gets, and what that API answers. */
import type { Handler } from './server.ts';

/** An order without a key. */
export const post = { method: 'POST', body: 'order' };

/** An order under a key. */
export const order = (key: string, body = 'book', headers: Record<string, string> = {}) => ({
  method: 'POST',
  body,
  headers: { 'idempotency-key': key, ...headers },
});

/** Takes each order anew, and says how many came. */
export const numbered: Handler = ({ number }, response) =>
  void response.writeHead(201, { 'x-run': number, 'set-cookie': ['a=1', 'b=2'] }).end(`run ${number}`);
