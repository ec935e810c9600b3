/** Who calls, and what a key may be given. */

/** README, "Keys". `admin` includes all others. */
export const SCOPES = ['requests:write', 'requests:read', 'reports:read', 'directory:write', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

export interface Caller {
  /** `key_<id>`: as it stands in requests and events. */
  readonly actor: string;
  readonly scopes: ReadonlySet<string>;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set before the body is read, on every `/v1` route that is not public. */
    caller: Caller | null;
    /** The body as it came, for signatures over it. */
    rawBody: Buffer | null;
  }
  interface FastifyContextConfig {
    /** No key is needed. */
    public?: boolean;
    /** The body is not read before the route is: it may be of any size. */
    streams?: boolean;
    /** The body is left as bytes in `rawBody`, of any media type, and may be RAW_BODY_BYTES_MAX long. */
    raw?: boolean;
  }
}

/** True when the caller may do what the scope covers. */
export function may(caller: Caller, scope: Scope): boolean {
  return caller.scopes.has(scope) || caller.scopes.has('admin');
}
