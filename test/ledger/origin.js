// The upstream of the ledger's tests, bound as a service: counts its runs, at once or after a while.
let runs = 0;

export default {
  async fetch(request) {
    const [behaviour, argument] = new URL(request.url).pathname.split('/').slice(-2);
    runs += 1;
    if (behaviour === 'bytes') {
      return new Response(new Uint8Array(Number(argument)).fill(runs), {
        headers: { 'x-run': String(runs) },
      });
    }
    if (behaviour === 'slow') await new Promise((resolve) => setTimeout(resolve, 200));
    return Response.json({ run: runs }, { headers: { 'x-run': String(runs) } });
  },
};
