/** @module The description of the operator's API. Runs in: the Worker. */

import { type ConversionConfig, toJsonSchema, toJsonSchemaDefs } from '@valibot/to-json-schema';
import type { GenericSchema } from 'valibot';
import { version } from '../../package.json';
import { OPERATOR_PREFIX } from '../settings.ts';
import { FORGET_MAX } from './forget-many.ts';
import {
  execution,
  executionDetail,
  executionId,
  executionList,
  failure,
  failureList,
  failuresQuery,
  forgetManyAnswer,
  forgetManyQuery,
  KEY_FIELD,
  LIST_DEFAULT,
  limitValue,
  listQuery,
  problem,
} from './schemas.ts';

/** The schemas that have a name in the document. */
const NAMED = {
  ExecutionId: executionId,
  Execution: execution,
  ExecutionDetail: executionDetail,
  ExecutionList: executionList,
  Failure: failure,
  FailureList: failureList,
  ForgetManyAnswer: forgetManyAnswer,
  Problem: problem,
} as const satisfies Record<string, GenericSchema>;

/** The description of the operator's API: OpenAPI 3.1, made from the schemas that the API itself runs on. */
export function openApiDocument(origin: string): object {
  return {
    openapi: '3.1.1',
    info: {
      title: 'Oncegate',
      version,
      description:
        'What happened to an idempotency key, and making the gateway forget it. Metadata only: never bodies, credentials or keys.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: `${origin}${OPERATOR_PREFIX}` }],
    security: [{ bearer: [] }, { basic: [] }],
    paths: {
      '/health': {
        get: {
          operationId: 'health',
          summary: 'Whether the gateway answers',
          security: [],
          responses: { 200: { description: 'It does.' } },
        },
      },
      '/executions': {
        get: {
          operationId: 'listExecutions',
          summary: 'Executions, newest first',
          parameters: listParameters(listQuery.entries),
          responses: {
            200: json('A page of executions.', executionList),
            400: problemJson('A parameter is not valid.'),
            ...CLOSED,
          },
        },
        delete: {
          operationId: 'forgetExecutions',
          summary: 'Forget all executions that match, the newest 200 of them at once',
          parameters: listParameters(forgetManyQuery.entries),
          responses: {
            200: json('What became of it.', forgetManyAnswer),
            400: problemJson('A parameter is not valid, or none narrows anything.'),
            ...CLOSED,
            409: problemJson('Another number of executions match.'),
          },
        },
      },
      '/executions/{id}': {
        parameters: [{ name: 'id', in: 'path', required: true, schema: schemaOf(executionId) }],
        get: {
          operationId: 'showExecution',
          summary: 'One execution and its timeline',
          responses: {
            200: json('The execution.', executionDetail),
            400: problemJson('The id is not one.'),
            ...CLOSED,
            404: problemJson('No such execution.'),
            503: problemJson('The ledger does not answer.'),
          },
        },
        delete: {
          operationId: 'forgetExecution',
          summary: 'Forget an execution: the next request with its key runs again',
          responses: {
            204: { description: 'It is forgotten.' },
            400: problemJson('The id is not one.'),
            ...CLOSED,
            404: problemJson('No such execution.'),
            409: problemJson('It is running.'),
            503: problemJson('The ledger or the store of results does not answer.'),
          },
        },
      },
      '/failures': {
        get: {
          operationId: 'listFailures',
          summary:
            'The runs that failed lately, newest first: at most 200 of each ledger object, and of one day',
          parameters: listParameters(failuresQuery.entries),
          responses: {
            200: json('The failures.', failureList),
            400: problemJson('A parameter is not valid.'),
            ...CLOSED,
          },
        },
      },
      '/metrics': {
        get: {
          operationId: 'metrics',
          summary: 'Counters as Prometheus text',
          responses: {
            200: { description: 'The counters.', content: { 'text/plain': { schema: { type: 'string' } } } },
            ...CLOSED,
          },
        },
      },
    },
    components: {
      schemas: toJsonSchemaDefs(NAMED, CONVERSION),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'ADMIN_TOKEN' },
        basic: {
          type: 'http',
          scheme: 'basic',
          description:
            'Any user name, and ADMIN_TOKEN as the password. Taken where it is sent unasked; never asked for.',
        },
      },
    },
  };
}

/** What each operation answers without the token. */
const CLOSED = {
  401: { description: 'ADMIN_TOKEN is missing or wrong.' },
  429: { description: 'Too many wrong tokens came from this address. Retry-After says when to try again.' },
} as const;

const COUNT = {
  type: 'integer',
  minimum: 0,
  maximum: FORGET_MAX,
  description: 'How many match. With any other number, nothing is forgotten.',
};

/** All parameters are texts; the ones that stand for numbers are described as such. */
function listParameters(entries: Readonly<Record<string, GenericSchema>> & { key: GenericSchema }): object[] {
  const parameter = (place: 'query' | 'header', name: string, schema: object) => ({
    name,
    in: place,
    required: name === 'count',
    schema,
  });
  const limit = { ...schemaOf(limitValue), default: LIST_DEFAULT };
  return [
    ...Object.entries(entries).map(([name, schema]) =>
      parameter('query', name, name === 'limit' ? limit : name === 'count' ? COUNT : schemaOf(schema)),
    ),
    parameter('header', KEY_FIELD, schemaOf(entries.key)),
  ];
}

function json(description: string, schema: GenericSchema): object {
  return { description, content: { 'application/json': { schema: schemaOf(schema) } } };
}

function problemJson(description: string): object {
  return { description, content: { 'application/problem+json': { schema: schemaOf(problem) } } };
}

/** What a check of ours demands beyond a pattern is said in its description. */
const CONVERSION = {
  typeMode: 'input',
  target: 'draft-2020-12',
  ignoreActions: ['check'],
  overrideRef: ({ referenceId }) => `#/components/schemas/${referenceId}`,
} as const satisfies ConversionConfig;

/** OpenAPI 3.1 takes JSON Schema 2020-12 as it is; its dialect is the document's, not each schema's. */
function schemaOf(schema: GenericSchema): object {
  const { $schema: _, $defs: __, ...rest } = toJsonSchema(schema, { ...CONVERSION, definitions: NAMED });
  return rest;
}
