/**
 * Those who send webhooks: what a delivery looks like, and how it is signed and verified, by their own
 * libraries where these are on npm and small. The other signatures are held against the examples in their
 * documentation.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { sign as signGitHub, verify as verifyGitHub } from '@octokit/webhooks-methods';
import { Webhook } from 'standardwebhooks';
import Stripe from 'stripe';

/** A request, as it is sent and as it is received. */
export interface Delivery {
  /** The public URL that it is sent to. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Sender {
  readonly name: string;
  /** A route of the example. */
  readonly path: string;
  /** One attempt to deliver an event, at a time of the sender's clock. */
  deliver(attempt: { url: string; event: string; number: number; at: Date }): Promise<Delivery>;
  /** Whether the signature is right. */
  verify(delivery: Delivery): Promise<boolean>;
  /** Which event it is. */
  eventOf(delivery: Delivery): string;
  /** Whether the signature covers which event it is. */
  readonly signsEvent: boolean;
  /** The delivery, as that of another event. */
  relabelled(delivery: Delivery, event: string): Delivery;
}

const JSON_TYPE = { 'content-type': 'application/json' };
const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' };
const SECRET = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';

const stripe: Sender = {
  name: 'Stripe',
  path: '/webhooks/stripe',
  async deliver({ event, number, at }) {
    const data = { object: { id: `pi_${event}`, amount: 2000 } };
    const body = JSON.stringify(
      { id: event, object: 'event', type: 'payment_intent.succeeded', data, pending_webhooks: 3 - number },
      null,
      2,
    );
    const timestamp = Math.floor(at.getTime() / 1000);
    const signature = Stripe.webhooks.generateTestHeaderString({ payload: body, secret: SECRET, timestamp });
    return { url: '', headers: { ...JSON_TYPE, 'stripe-signature': signature }, body };
  },
  async verify({ body, headers }) {
    return !throws(() => Stripe.webhooks.constructEvent(body, headers['stripe-signature'] ?? '', SECRET));
  },
  eventOf: ({ body }) => JSON.parse(body).id,
  signsEvent: true,
  relabelled: (delivery, event) => withBody(delivery, { id: event }),
};

const github: Sender = {
  name: 'GitHub',
  path: '/webhooks/github',
  async deliver({ event }) {
    const body = JSON.stringify({ action: 'opened', issue: { number: 1, title: event } });
    const headers = {
      ...JSON_TYPE,
      'user-agent': 'GitHub-Hookshot/044aadd',
      'x-github-delivery': event,
      'x-github-event': 'issues',
      'x-github-hook-id': '292430182',
      'x-github-hook-installation-target-id': '79929171',
      'x-github-hook-installation-target-type': 'repository',
      'x-hub-signature-256': await signGitHub(SECRET, body),
    };
    return { url: '', headers, body };
  },
  verify: ({ body, headers }) => verifyGitHub(SECRET, body, headers['x-hub-signature-256'] ?? 'none'),
  eventOf: ({ headers }) => headers['x-github-delivery'] ?? '',
  signsEvent: false,
  relabelled: (delivery, event) => withField(delivery, 'x-github-delivery', event),
};

const shopify: Sender = {
  name: 'Shopify',
  path: '/webhooks/shopify',
  async deliver({ event }) {
    const body = JSON.stringify({ id: 820982911946154508n.toString(), email: 'jon@example.com' });
    const headers = {
      ...JSON_TYPE,
      'x-shopify-api-version': '2026-10',
      'x-shopify-event-id': `event-${event}`,
      'x-shopify-hmac-sha256': hmac('sha256', SECRET, body, 'base64'),
      'x-shopify-shop-domain': 'a-shop.myshopify.com',
      'x-shopify-topic': 'orders/create',
      'x-shopify-triggered-at': '2026-11-25T12:00:00.000000000Z',
      'x-shopify-webhook-id': event,
    };
    return { url: '', headers, body };
  },
  async verify({ body, headers }) {
    return isEqual(headers['x-shopify-hmac-sha256'], hmac('sha256', SECRET, body, 'base64'));
  },
  eventOf: ({ headers }) => headers['x-shopify-webhook-id'] ?? '',
  signsEvent: false,
  relabelled: (delivery, event) => withField(delivery, 'x-shopify-webhook-id', event),
};

/** How far a receiver lets a sender's clock be from its own. */
const TOLERANCE_SECONDS = 300;

/** `v0` is the version of the scheme. */
export function slackSignature(secret: string, timestamp: string, body: string): string {
  return `v0=${hmac('sha256', secret, `v0:${timestamp}:${body}`, 'hex')}`;
}

const slack: Sender = {
  name: 'Slack',
  path: '/webhooks/slack',
  async deliver({ event, number, at }) {
    const body = JSON.stringify({
      token: 'of the app',
      team_id: 'T061EG9R6',
      type: 'event_callback',
      event: { type: 'message', text: 'hello' },
      event_id: event,
    });
    const timestamp = String(Math.floor(at.getTime() / 1000));
    const headers = {
      ...JSON_TYPE,
      'x-slack-request-timestamp': timestamp,
      'x-slack-signature': slackSignature(SECRET, timestamp, body),
      ...(number === 0 ? {} : { 'x-slack-retry-num': `${number}`, 'x-slack-retry-reason': 'http_timeout' }),
    };
    return { url: '', headers, body };
  },
  async verify({ body, headers }) {
    const timestamp = headers['x-slack-request-timestamp'] ?? '';
    const isNow = Math.abs(Date.now() / 1000 - Number(timestamp)) <= TOLERANCE_SECONDS;
    return isNow && isEqual(headers['x-slack-signature'], slackSignature(SECRET, timestamp, body));
  },
  eventOf: ({ body }) => (body.startsWith('{') ? (JSON.parse(body).event_id ?? '') : ''),
  signsEvent: true,
  relabelled: (delivery, event) => withBody(delivery, { event_id: event }),
};

const standard: Sender = {
  name: 'Standard Webhooks',
  path: '/webhooks/standard',
  async deliver({ event, at }) {
    const body = JSON.stringify({ type: 'user.created', timestamp: '2026-11-25T12:00:00Z', data: { id: 1 } });
    const headers = {
      ...JSON_TYPE,
      'webhook-id': event,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': new Webhook(SECRET).sign(event, at, body),
    };
    return { url: '', headers, body };
  },
  async verify({ body, headers }) {
    return !throws(() => new Webhook(SECRET).verify(body, headers));
  },
  eventOf: ({ headers }) => headers['webhook-id'] ?? '',
  signsEvent: true,
  relabelled: (delivery, event) => withField(delivery, 'webhook-id', event),
};

/** Covers the URL as the sender sees it, and the form's fields in the order of their names. */
export function twilioSignature(secret: string, url: string, form: URLSearchParams): string {
  const fields = [...form].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => name + value);
  return hmac('sha1', secret, url + fields.join(''), 'base64');
}

const twilio: Sender = {
  name: 'Twilio',
  path: '/webhooks/twilio',
  async deliver({ url, event }) {
    const form = new URLSearchParams({
      From: '+14158675310',
      Body: 'hello & goodbye',
      MessageSid: `SM${event}`,
    });
    const headers = {
      ...FORM_TYPE,
      'i-twilio-idempotency-token': event,
      'x-twilio-signature': twilioSignature(SECRET, url, form),
    };
    return { url, headers, body: form.toString() };
  },
  async verify({ url, body, headers }) {
    return isEqual(headers['x-twilio-signature'], twilioSignature(SECRET, url, new URLSearchParams(body)));
  },
  eventOf: ({ headers }) => headers['i-twilio-idempotency-token'] ?? '',
  signsEvent: false,
  relabelled: (delivery, event) => withField(delivery, 'i-twilio-idempotency-token', event),
};

export const SENDERS: readonly Sender[] = [stripe, github, shopify, slack, standard, twilio];

function withBody(delivery: Delivery, members: object): Delivery {
  return { ...delivery, body: JSON.stringify({ ...JSON.parse(delivery.body), ...members }) };
}

function withField(delivery: Delivery, name: string, value: string): Delivery {
  return { ...delivery, headers: { ...delivery.headers, [name]: value } };
}

function hmac(algorithm: string, secret: string, text: string, encoding: 'hex' | 'base64'): string {
  return createHmac(algorithm, secret).update(text).digest(encoding);
}

function isEqual(a: string | undefined, b: string): boolean {
  const [one, other] = [Buffer.from(a ?? ''), Buffer.from(b)];
  return one.length === other.length && timingSafeEqual(one, other);
}

function throws(act: () => unknown): boolean {
  try {
    act();
    return false;
  } catch {
    return true;
  }
}
