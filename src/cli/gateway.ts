import * as v from 'valibot';
import {
  type Execution,
  type ExecutionDetail,
  type ExecutionList,
  executionDetail,
  executionList,
} from '../operator/schemas.ts';
import { OPERATOR_PREFIX } from '../settings.ts';
import { EXIT, Exit } from './exit.ts';
import { headersFrom } from './headers.ts';
import type { Parsed } from './options.ts';

const problem = v.object({ detail: v.string() });

/** A gateway, as its operator reaches it. Each method ends the command where it gets no proper answer. */
export interface Gateway {
  list(query: Readonly<Record<string, string | undefined>>): Promise<ExecutionList>;
  /** `null` where it is not known. */
  find(id: string): Promise<ExecutionDetail | null>;
  forget(id: string): Promise<void>;
}

export type { Execution, ExecutionDetail, ExecutionList };

/** The gateway that `--url` or ONCEGATE_URL names, with the token of ONCEGATE_ADMIN_TOKEN. */
export function gatewayFrom(options: Parsed): Gateway {
  const base = options.text('url') ?? process.env.ONCEGATE_URL;
  if (base === undefined) throw new Exit(EXIT.usage, 'Which gateway? Give --url, or set ONCEGATE_URL.');
  if (!/^https?:$/.test(URL.parse(base)?.protocol ?? '')) {
    throw new Exit(EXIT.usage, `${base} is not an http or https URL.`);
  }
  const token = process.env.ONCEGATE_ADMIN_TOKEN;
  if (token === undefined || token === '') {
    throw new Exit(EXIT.unauthorized, 'Set ONCEGATE_ADMIN_TOKEN to the gateway’s ADMIN_TOKEN.');
  }
  const headers = headersFrom(options.texts('header'));
  headers.set('authorization', `Bearer ${token}`);
  const ask = (path: string, method = 'GET') =>
    request(`${base.replace(/\/+$/, '')}${OPERATOR_PREFIX}${path}`, { method, headers });

  return {
    list: async (query) => {
      const given = Object.entries(query).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value]],
      );
      const response = await ask(`/executions?${new URLSearchParams(given)}`);
      if (response.status === 400) throw new Exit(EXIT.usage, await detailOf(response));
      return read(response, executionList);
    },
    find: async (id) => {
      const response = await ask(`/executions/${encodeURIComponent(id)}`);
      if (response.status === 404) return null;
      if (response.status === 400) throw new Exit(EXIT.usage, await detailOf(response));
      return read(response, executionDetail);
    },
    forget: async (id) => {
      const response = await ask(`/executions/${encodeURIComponent(id)}`, 'DELETE');
      if (response.ok) return;
      const detail = await detailOf(response);
      throw new Exit(
        response.status === 400 ? EXIT.usage : response.status === 503 ? EXIT.unreachable : EXIT.no,
        detail,
      );
    },
  };
}

async function request(url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (error) {
    throw new Exit(EXIT.unreachable, `${new URL(url).origin} cannot be reached: ${reasonOf(error)}`);
  }
  if (response.status === 401)
    throw new Exit(EXIT.unauthorized, 'The gateway does not take this ONCEGATE_ADMIN_TOKEN.');
  if (response.status === 404 && (await isOff(response.clone()))) {
    throw new Exit(
      EXIT.unauthorized,
      'The gateway has no ADMIN_TOKEN, so its operator surface is off; or this is no gateway.',
    );
  }
  return response;
}

/** The API's own 404 has no type; the one of a gateway without an operator surface has, and of no gateway is no problem. */
async function isOff(response: Response): Promise<boolean> {
  const body = v.safeParse(v.object({ type: v.literal('about:blank') }), await json(response));
  return !body.success;
}

async function read<T extends v.GenericSchema>(response: Response, schema: T): Promise<v.InferOutput<T>> {
  if (!response.ok) throw new Exit(EXIT.unreachable, await detailOf(response));
  const result = v.safeParse(schema, await json(response));
  if (result.success) return result.output;
  throw new Exit(EXIT.unreachable, 'The gateway’s answer is not understood. Is it of another version?');
}

async function detailOf(response: Response): Promise<string> {
  const body = v.safeParse(problem, await json(response));
  return body.success ? body.output.detail : `The gateway answers ${response.status}.`;
}

async function json(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return null;
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
