import Stripe from 'stripe';
import { describe, expect, test } from 'vitest';
import { deterministicKey, idempotentFetch } from '../../../../src/client/index.ts';
import { drop, problem, type Server, serve, status, steps } from '../server.ts';
import { standIn } from '../stand-in.ts';

const fast = { baseDelayMs: 1, maxDelayMs: 1 };
const payment = { amount: 1_000, currency: 'eur' };
const json = { 'content-type': 'application/json' };
const intent = (number: number) => JSON.stringify({ id: `pi_${number}`, object: 'payment_intent' });

const stripeAt = ({ url }: Server) => {
  const { hostname, port } = new URL(url);
  return new Stripe('sk_test_1', {
    host: hostname,
    port,
    protocol: 'http',
    httpClient: Stripe.createFetchHttpClient(idempotentFetch(fast)),
    maxNetworkRetries: 0,
    telemetry: false,
  });
};

describe('Stripe SDK with idempotentFetch', () => {
  test('the SDK’s own key is kept: a lost response is paid once', async () => {
    await using gateway = await standIn((_request, number) => ({ headers: json, chunks: [intent(number)] }), {
      cut: (connection) => (connection === 1 ? 0 : undefined),
    });
    const { id } = await stripeAt(gateway).paymentIntents.create(payment);
    expect(id).toBe('pi_1');
    const [first, second] = gateway.keys();
    expect(first).toMatch(/^stripe-node-retry-/);
    expect(second).toBe(first);
    expect(gateway.executions).toHaveLength(1);
  });

  test('an idempotencyKey of one’s own is kept: another process pays nothing again', async () => {
    await using gateway = await standIn((_request, number) => ({ headers: json, chunks: [intent(number)] }));
    const pay = async () => {
      const idempotencyKey = await deterministicKey('order', 42, 'pay');
      return (await stripeAt(gateway).paymentIntents.create(payment, { idempotencyKey })).id;
    };
    expect([await pay(), await pay()]).toEqual(['pi_1', 'pi_1']);
    expect(gateway.executions).toHaveLength(1);
  });

  test('what is worth a retry is retried, under one key', async () => {
    await using server = await serve(
      steps(
        drop,
        status(429, { 'retry-after-ms': '1' }),
        problem('in-progress', 409, { 'retry-after': '0' }),
        status(200, json, intent(1)),
      ),
    );
    await stripeAt(server).paymentIntents.create(payment);
    expect(server.requests).toHaveLength(4);
    expect(new Set(server.keys()).size).toBe(1);
  });

  test('a declined card is the SDK’s own error, at once', async () => {
    const declined = JSON.stringify({
      error: { type: 'card_error', code: 'card_declined', message: 'Declined.' },
    });
    await using server = await serve(status(402, json, declined));
    const error = await stripeAt(server)
      .paymentIntents.create(payment)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Stripe.errors.StripeCardError);
    expect(server.requests).toHaveLength(1);
  });
});
