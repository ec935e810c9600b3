/** Which methods each path has, so that a wrong one is answered with 405 and Allow (RFC 9110, 15.5.6) and not 404. */
import type { FastifyInstance, FastifyRequest } from 'fastify';

interface KnownRoute {
  readonly segments: readonly string[];
  readonly methods: readonly string[];
}

const ROUTES = new WeakMap<object, KnownRoute[]>();

/** Keeps note of every route that is registered from now on. */
export function noteRoutes(instance: FastifyInstance): void {
  const routes: KnownRoute[] = [];
  ROUTES.set(instance.server, routes);
  instance.addHook('onRoute', (route) => {
    const methods = typeof route.method === 'string' ? [route.method] : route.method;
    routes.push({ segments: route.url.split('/'), methods });
  });
}

/** The methods of the request's path, sorted; empty when there is nothing at it. */
export function allowedMethods(request: FastifyRequest): string[] {
  const routes = ROUTES.get(request.server.server) ?? [];
  const segments = (request.raw.url ?? '').replace(/\?.*$/s, '').split('/');
  const found = routes.filter((route) => matches(route.segments, segments)).flatMap((route) => route.methods);
  return [...new Set(found)].sort();
}

/** `:name` stands for one segment; a wildcard route (the files of a folder) is not a path that we know. */
function matches(pattern: readonly string[], path: readonly string[]): boolean {
  return (
    pattern.length === path.length &&
    pattern.every((part, index) => part === path[index] || (part.startsWith(':') && path[index] !== ''))
  );
}
