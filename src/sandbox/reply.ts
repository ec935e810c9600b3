import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { SandboxData } from './data.js';
import type { CallPlan } from './fault-plan.js';
import type { SandboxCall } from './ledger.js';
import type { SandboxProvider } from './routes.js';
import type { SandboxSettings } from './settings.js';

/** An answer ready to be sent. */
export interface Reply {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: string | Buffer;
}

/** A call on its way through a provider. */
export interface ProviderCall {
  readonly body: unknown;
  readonly headers: IncomingHttpHeaders;
  readonly data: SandboxData;
  readonly settings: SandboxSettings;
  readonly plan: CallPlan;
  /** False: answer as if the IDs were deleted, and keep them. */
  readonly commit: boolean;
  readonly record: SandboxCall;
}

/** Thrown by a provider to refuse a whole call; nothing was deleted. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(readonly reply: Reply) {
    super(`refused with ${reply.status}`);
  }
}

export function jsonReply(status: number, body: string, headers: OutgoingHttpHeaders = {}): Reply {
  return { status, headers: { 'content-type': 'application/json; charset=utf-8', ...headers }, body };
}

/** google.rpc.Code by HTTP status, which is what Velt's error envelope names. */
const RPC_STATUS: ReadonlyMap<number, string> = new Map([
  [400, 'INVALID_ARGUMENT'],
  [401, 'UNAUTHENTICATED'],
  [402, 'RESOURCE_EXHAUSTED'],
  [403, 'PERMISSION_DENIED'],
  [404, 'NOT_FOUND'],
  [409, 'ABORTED'],
  [429, 'RESOURCE_EXHAUSTED'],
  [500, 'INTERNAL'],
  [501, 'UNIMPLEMENTED'],
  [503, 'UNAVAILABLE'],
  [504, 'DEADLINE_EXCEEDED'],
]);

/** An error in the provider's own envelope: Velt's names the RPC status, Supermemory's is a text with details. */
export function errorReply(
  provider: SandboxProvider,
  status: number,
  message: string,
  headers: OutgoingHttpHeaders = {},
): Reply {
  const body =
    provider === 'velt'
      ? { error: { message, status: RPC_STATUS.get(status) ?? 'UNKNOWN' } }
      : { error: message, details: `The request was answered with ${status}.` };
  return jsonReply(status, JSON.stringify(body), headers);
}
