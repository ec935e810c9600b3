/** Lets nobody through to a route that does not say who may: deny by default. */
import { applyDecorators, createParamDecorator, Inject, SetMetadata } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiResponse, ApiSecurity } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { may } from './caller.js';
import type { Caller, Scope } from './caller.js';
import { problemResponse } from './problem-response.js';
import { Problem } from './problem.js';

const SCOPE = 'expunge:scope';
const PUBLIC = 'public';

/** The route needs no key. */
export function Public(): MethodDecorator {
  return applyDecorators(SetMetadata(SCOPE, PUBLIC), RouteConfig({ public: true }));
}

/** The route needs no key but a signature over its body, which it gets as bytes. */
export function Signed(): MethodDecorator {
  return applyDecorators(Public(), RouteConfig({ public: true, raw: true }));
}

/** The route gets its body as bytes, of any media type. */
export function RawBody(): MethodDecorator {
  return RouteConfig({ raw: true });
}

/** The route needs a key of this scope; `admin` will do as well. */
export function Needs(scope: Scope): MethodDecorator {
  return applyDecorators(
    SetMetadata(SCOPE, scope),
    ApiSecurity('key', [scope]),
    ApiResponse(problemResponse(401, 'No key, or not a valid one.')),
    ApiResponse(problemResponse(403, `The key has not the scope \`${scope}\`.`)),
    ApiResponse(
      problemResponse(429, 'The key, or an address with wrong keys, has asked too often; Retry-After says when.'),
    ),
    ApiResponse(problemResponse(500, 'A fault of ours, logged under the request id.')),
    ApiResponse(problemResponse(503, 'The database is away; nothing was changed.')),
  );
}

/** The caller, of a route that needs a key. */
export const ByCaller = createParamDecorator((_data: unknown, context: ExecutionContext): Caller => {
  const { caller } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!caller) throw new Problem('unauthorized', 'Send a valid API key as Authorization: Bearer KEY.');
  return caller;
});

export class KeyGuard implements CanActivate {
  constructor(@Inject(Reflector) private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const needed = this.reflector.get<Scope | typeof PUBLIC | undefined>(SCOPE, context.getHandler());
    if (needed === PUBLIC) return true;
    const { caller } = context.switchToHttp().getRequest<FastifyRequest>();
    if (!caller) throw new Problem('unauthorized', 'Send a valid API key as Authorization: Bearer KEY.');
    if (needed === undefined) throw new Problem('scope_missing', 'No key may call this route.');
    if (!may(caller, needed)) throw new Problem('scope_missing', `This route needs a key with the scope ${needed}.`);
    return true;
  }
}
