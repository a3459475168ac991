// The upstream of the ledger's tests, bound as a service: counts its runs, at once, after a while, or when it
// is told to.
let runs = 0;

export default {
  async fetch(request) {
    const [behaviour, argument] = new URL(request.url).pathname.split('/').slice(-2);
    const order = held.orderIn(request.url);
    if (order !== null) return order;
    runs += 1;
    if (behaviour === 'held') return held.run(argument);
    if (behaviour === 'spoiled') return spoiled(argument, request.headers.get('idempotency-key'));
    if (behaviour === 'bytes') {
      return new Response(new Uint8Array(Number(argument)).fill(runs), {
        headers: { 'x-run': String(runs) },
      });
    }
    if (behaviour === 'status') return new Response('no', { status: Number(argument) });
    if (behaviour === 'moved') return new Response(null, { status: 307, headers: { location: '/count/x' } });
    if (behaviour === 'slow') await new Promise((resolve) => setTimeout(resolve, 200));
    return Response.json({ run: runs }, { headers: { 'x-run': String(runs) } });
  },
};

// `spoiled/FORM` says in a 200 that it failed, the first time that its key comes, and then that all is well.
const keys = new Set();

function spoiled(form, key) {
  const first = !keys.has(key);
  keys.add(key);
  const filler = ` ${'x'.repeat(100)}`.repeat(20_000);
  switch (form) {
    case 'stream':
      return stream(
        first ? 'event: error\ndata: {}\n\n' : 'event: message_stop\ndata: {"type":"message_stop"}\n\n',
      );
    case 'large-stream':
      return stream(
        `: ${filler}\n\n${first ? 'event: error\ndata: {}\n\n' : 'data: {"type":"message_stop"}\n\n'}`,
      );
    case 'json':
      return Response.json(first ? { error: { message: 'boom' } } : { well: true });
    case 'large-json':
      return Response.json({ filler, error: first ? 'boom' : null });
  }
}

function stream(rest) {
  const start = 'event: message_start\ndata: {"type":"message_start","message":{}}\n\n';
  const body = new Response(start + rest).body;
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
}

// `held/NAME` waits until `verdict/NAME/RUN/VERDICT` says how its nth run ends; `arrived/NAME/RUN` waits
// until it is there. A promise of one request must not be settled by another, so whoever waits looks every
// millisecond.
const arrived = new Map();
const verdicts = new Map();

const held = {
  orderIn(url) {
    const [, order, name, run, verdict] =
      /\/(arrived|verdict)\/([^/]+)\/(\d+)(?:\/([a-z-]+))?$/.exec(new URL(url).pathname) ?? [];
    if (order === 'verdict') {
      verdicts.set(`${name}/${run}`, verdict);
      return new Response();
    }
    if (order === 'arrived') return until(() => (arrived.get(name) ?? 0) >= run).then(() => new Response());
    return null;
  },

  async run(name) {
    const run = (arrived.get(name) ?? 0) + 1;
    arrived.set(name, run);
    await until(() => verdicts.has(`${name}/${run}`));
    switch (verdicts.get(`${name}/${run}`)) {
      case 'finish':
        return Response.json(name.startsWith('large') ? { run, filler: 'x'.repeat(600_000) } : { run });
      case 'fail':
        return Response.json({ run }, { status: 500 });
      case 'break-head':
        throw new Error('ordered to break before the head');
      case 'break-body':
        return new Response(brokenBody());
    }
  },
};

function brokenBody() {
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(new TextEncoder().encode('some of it'));
      controller.error(new Error('ordered to break in the body'));
    },
  });
}

async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}
