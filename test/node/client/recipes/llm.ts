import { LLMock } from '@copilotkit/aimock';
import { type StandIn, type StandInOptions, standIn } from '../stand-in.ts';

export const ANSWER = 'A gateway that lets each thing happen once. 👋';

export interface LlmGateway extends StandIn {
  /** Requests that reached the provider. */
  readonly billed: () => number;
}

/** A model provider behind the gateway. */
export async function llmBehindGateway(options: StandInOptions = {}): Promise<LlmGateway> {
  const provider = new LLMock({ port: 0 });
  provider.onMessage('What is it?', { content: ANSWER });
  await provider.start();
  const gateway = await standIn(async ({ method, path, body, headers }) => {
    const passed = ['content-type', 'authorization', 'x-api-key', 'anthropic-version'].flatMap((name) => {
      const value = headers[name];
      return typeof value === 'string' ? [[name, value] as [string, string]] : [];
    });
    const response = await fetch(`${provider.url}${path}`, {
      method,
      headers: passed,
      body: new Uint8Array(body),
    });
    const chunks = response.body ?? [];
    return {
      status: response.status,
      headers: { 'content-type': response.headers.get('content-type') ?? '' },
      chunks,
    };
  }, options);
  return {
    ...gateway,
    billed: () => provider.getRequests().length,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await provider.stop();
    },
  };
}

/** Connections lost before any answer, and in mid-answer. */
export const losses: [string, StandInOptions['cut'] & {}][] = [
  ['a lost response', (connection) => (connection === 1 ? 0 : undefined)],
  ['a response lost half way', (connection) => (connection === 1 ? 150 : undefined)],
  ['two losses', (connection) => [0, 150][connection - 1]],
];
