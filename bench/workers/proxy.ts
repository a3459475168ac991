/**
 * The limit of any gateway on Workers: the request goes to the upstream and its response comes back,
 * untouched.
 */
interface Env {
  readonly UPSTREAM_URL: string;
}

export default {
  fetch(request, env) {
    const { pathname, search } = new URL(request.url);
    return fetch(`${env.UPSTREAM_URL}${pathname}${search}`, request);
  },
} satisfies ExportedHandler<Env>;
