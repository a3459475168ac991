import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, test } from 'vitest';
import { useGateway } from '../harness/use.ts';

const TOKEN = 'the-admin-token-of-the-tests';

const gateway = useGateway(() => ({ vars: { UPSTREAM_URL: 'http://127.0.0.1:9', ADMIN_TOKEN: TOKEN } }));

test('the operator’s API is described by a valid OpenAPI document, made from what it checks', async () => {
  const response = await fetch(`${gateway.url}/_oncegate/openapi.json`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  const document: Record<string, unknown> = await response.json();
  const result = await new Validator().validate(document);
  expect(result.errors ?? []).toEqual([]);
  expect(result.valid).toBe(true);
  const list = JSON.stringify(Reflect.get(Object(document.paths), '/executions'));
  expect(list).toContain('"$ref":"#/components/schemas/ExecutionList"');
  expect(list).toContain('"type":"integer","minimum":1,"maximum":200');
  const { schemas } = Object(document.components);
  expect(Object.keys(schemas)).toEqual(expect.arrayContaining(['Execution', 'ExecutionList', 'Failure']));
  expect(schemas.ExecutionList.properties.executions.items).toEqual({
    $ref: '#/components/schemas/Execution',
  });
  expect(document).toMatchObject({
    openapi: '3.1.1',
    servers: [{ url: `${gateway.url}/_oncegate` }],
    paths: {
      '/executions': {
        get: {
          parameters: expect.arrayContaining([
            expect.objectContaining({
              name: 'state',
              schema: expect.objectContaining({ enum: ['running', 'completed', 'unknown'] }),
            }),
          ]),
        },
      },
    },
  });
});
