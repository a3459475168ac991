/** @module The operator's API of a gateway, as commands call it. Runs in: Node. */

import * as v from 'valibot';
import { isLoopback } from '../operator/operator-host.ts';
import {
  type Execution,
  type ExecutionDetail,
  type ExecutionList,
  executionDetail,
  executionList,
  type Failure,
  type FailureList,
  type ForgetManyAnswer,
  failureList,
  forgetManyAnswer,
  KEY_FIELD,
} from '../operator/schemas.ts';
import { OPERATOR_PREFIX } from '../settings.ts';
import { EXIT, Exit } from './exit.ts';
import { ask } from './fetch.ts';
import { headersFrom } from './headers.ts';
import type { FILTERS, Parsed } from './options.ts';
import { note } from './print.ts';

const problem = v.object({ detail: v.string() });

/** What a list is narrowed to. */
export type ListParams = Readonly<
  Partial<Record<(typeof FILTERS)[number] | 'limit' | 'cursor' | 'count', string | undefined>>
>;

/** A gateway, as its operator reaches it. Each method ends the command where it gets no proper answer. */
export interface Gateway {
  list(params: ListParams): Promise<ExecutionList>;
  /** `null` where it is not known. */
  find(id: string): Promise<ExecutionDetail | null>;
  forget(id: string): Promise<void>;
  /** The runs that failed lately. */
  failures(params: ListParams): Promise<FailureList>;
  /** `count` says how many match. */
  forgetMany(params: ListParams): Promise<ForgetManyAnswer>;
}

export type { Execution, ExecutionDetail, ExecutionList, Failure };

/** The gateway that `--url` or ONCEGATE_URL names, with the token of ONCEGATE_ADMIN_TOKEN. */
export function gatewayFrom(options: Parsed): Gateway {
  const url = options.text('url') ?? process.env.ONCEGATE_URL;
  if (url === undefined) throw new Exit(EXIT.usage, 'Which gateway? Give --url, or set ONCEGATE_URL.');
  const origin = originOf(url);
  const token = process.env.ONCEGATE_ADMIN_TOKEN;
  if (token === undefined || token === '') {
    throw new Exit(EXIT.unauthorized, 'Set ONCEGATE_ADMIN_TOKEN to the gateway’s ADMIN_TOKEN.');
  }
  const headers = headersFrom(options.texts('header'));
  setField(headers, 'authorization', `Bearer ${token}`, 'ONCEGATE_ADMIN_TOKEN');
  const request = (path: string, method: 'GET' | 'DELETE' = 'GET', fields = headers) =>
    operatorRequest(`${origin}${OPERATOR_PREFIX}${path}`, { method, headers: fields });

  const narrowed = async (path: string, { key, ...rest }: ListParams, method: 'GET' | 'DELETE' = 'GET') => {
    const given = Object.entries(rest).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    );
    // An address is kept in the logs of each proxy on the way; a key does not belong there.
    const fields = new Headers(headers);
    if (key !== undefined) setField(fields, KEY_FIELD, key, 'An idempotency key');
    const response = await request(`${path}?${new URLSearchParams(given)}`, method, fields);
    if (response.status === 400) throw new Exit(EXIT.usage, await detailOf(response));
    if (response.ok && key !== undefined && !hasLookedForKey(response)) {
      throw new Exit(EXIT.unreachable, `${NOT_UNDERSTOOD} It did not look for the key.`);
    }
    return response;
  };

  return {
    list: async (params) => read(await narrowed('/executions', params), executionList),
    failures: async (params) => read(await narrowed('/failures', params), failureList),
    forgetMany: async (params) => {
      const response = await narrowed('/executions', params, 'DELETE');
      if (response.status === 409) throw new Exit(EXIT.no, await detailOf(response));
      return read(response, forgetManyAnswer);
    },
    find: async (id) => {
      const response = await request(`/executions/${encodeURIComponent(id)}`);
      if (response.status === 404) return null;
      if (response.status === 400) throw new Exit(EXIT.usage, await detailOf(response));
      return read(response, executionDetail);
    },
    forget: async (id) => {
      const response = await request(`/executions/${encodeURIComponent(id)}`, 'DELETE');
      if (response.ok) return;
      const detail = await detailOf(response);
      throw new Exit(
        response.status === 400 ? EXIT.usage : response.status === 503 ? EXIT.unreachable : EXIT.no,
        detail,
      );
    },
  };
}

/**
 * The operator's surface has one place on a host, so a path is a mistake; and the token would go to wherever
 * it leads.
 */
function originOf(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new Exit(EXIT.usage, `${text} is not an http or https URL.`);
  }
  if (url.href === `${url.origin}/`) {
    if (url.protocol === 'http:' && !isLoopback(url)) {
      note(`${url.origin} is not https: the token goes there in the clear.`);
    }
    return url.origin;
  }
  throw new Exit(
    EXIT.usage,
    `--url takes the gateway’s origin, ${url.origin}, without a path, query, fragment, user name or password.`,
  );
}

function setField(headers: Headers, name: string, value: string, what: string): void {
  if (!/^[\x20-\x7e]+$/.test(value))
    throw new Exit(EXIT.usage, `${what} holds visible ASCII characters only.`);
  headers.set(name, value);
}

/**
 * A gateway that does not know the field lists everything, which must not be taken for what the key led to.
 */
function hasLookedForKey(response: Response): boolean {
  const fields =
    response.headers
      .get('vary')
      ?.toLowerCase()
      .split(/\s*,\s*/) ?? [];
  return fields.includes(KEY_FIELD.toLowerCase());
}

async function operatorRequest(url: string, init: RequestInit): Promise<Response> {
  const response = await ask(url, init);
  if (response.status === 401)
    throw new Exit(EXIT.unauthorized, 'The gateway does not take this ONCEGATE_ADMIN_TOKEN.');
  if (response.status === 404 && (await isOff(response.clone()))) {
    // What goes on for ever would keep the command.
    await response.body?.cancel();
    throw new Exit(
      EXIT.unauthorized,
      'The gateway has no ADMIN_TOKEN, so its operator surface is off; or this is no gateway.',
    );
  }
  return response;
}

/**
 * The API's own 404 has no type; the one of a gateway without an operator surface has, and of no gateway is
 * no problem.
 */
async function isOff(response: Response): Promise<boolean> {
  const body = v.safeParse(v.object({ type: v.literal('about:blank') }), await json(response));
  return !body.success;
}

const NOT_UNDERSTOOD = 'The gateway’s answer is not understood. Is it of another version?';

async function read<T extends v.GenericSchema>(response: Response, schema: T): Promise<v.InferOutput<T>> {
  if (!response.ok) throw new Exit(EXIT.unreachable, await detailOf(response));
  const result = v.safeParse(schema, await json(response));
  if (result.success) return result.output;
  throw new Exit(EXIT.unreachable, NOT_UNDERSTOOD);
}

async function detailOf(response: Response): Promise<string> {
  const body = v.safeParse(problem, await json(response));
  return body.success ? body.output.detail : `The gateway answers ${response.status}.`;
}

/** A list of 200 executions is some 150 kB. What is longer is no answer of a gateway's, and is not read. */
const ANSWER_MAX_BYTES = 4 * 1024 * 1024;

async function json(response: Response): Promise<unknown> {
  const decoder = new TextDecoder();
  let text = '';
  try {
    // Leaving the loop early cancels the rest.
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length > ANSWER_MAX_BYTES) return null;
    }
    return JSON.parse(text);
  } catch {
    return null;
  }
}
