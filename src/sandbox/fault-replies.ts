import { STATUS_CODES } from 'node:http';
import type { Fault } from './fault.js';
import { LEAK_PREFIX } from './ledger.js';
import { errorReply, jsonReply, type Reply } from './reply.js';
import type { SandboxProvider } from './routes.js';

const LOGIN_PAGE = '<!doctype html><title>Sign in</title><form method="post"><input name="email"></form>';

/** What a fault that concerns the whole call has to work with. */
export interface FaultContext {
  readonly provider: SandboxProvider;
  readonly path: string;
  readonly nowMs: number;
}

/** The answer that a fault puts in place of the right one; `right` itself where it spoils only the sending. */
export function faultReply(fault: Fault, right: Reply, { provider, path, nowMs }: FaultContext): Reply {
  switch (fault.name) {
    case 'status':
      return statusReply(fault, provider, nowMs);
    case 'refuse':
      return errorReply(provider, 400, 'Invalid request.');
    case 'error500':
      return errorReply(provider, 500, 'Internal error.');
    case 'quota':
      return errorReply(provider, provider === 'velt' ? 429 : 402, 'Quota exceeded. Upgrade your plan.');
    case 'error-200':
      return { ...errorReply(provider, 500, 'Internal error.'), status: 200 };
    case 'redirect':
      return { status: Number(fault.parameter ?? 307), headers: { location: `${LEAK_PREFIX}${path}` }, body: '' };
    case 'html':
      return htmlReply(200);
    case 'empty':
      return { ...right, body: '' };
    case 'garbage':
      return { ...right, body: Buffer.from('\u0000\u0001}{ÿþ not json \u0007', 'latin1') };
    case 'truncated-json':
      return { ...right, body: right.body.slice(0, Math.ceil(right.body.length / 2)) };
    case 'not-object':
      return { ...right, body: fault.parameter ?? '"ok"' };
    default:
      return right;
  }
}

function statusReply(fault: Fault, provider: SandboxProvider, nowMs: number): Reply {
  const status = fault.status ?? 500;
  if (status === 204) return { status, headers: {}, body: '' };
  if (fault.parameter === 'html') return htmlReply(status);
  if (status < 300) {
    const accepted = { result: { status: 'success', message: 'Deletion initiated.', data: null } };
    return jsonReply(status, JSON.stringify(provider === 'velt' ? accepted : { success: true }));
  }
  const headers =
    status === 429 && fault.parameter !== null ? { 'retry-after': retryAfter(fault.parameter, nowMs) } : {};
  const message = status === 401 ? 'Unauthorized' : (STATUS_CODES[status] ?? 'Error');
  return errorReply(provider, status, message, headers);
}

/** `SECONDS`, `date:SECONDS` from now, or `raw:TEXT` as it is. */
function retryAfter(parameter: string, nowMs: number): string {
  if (parameter.startsWith('raw:')) return parameter.slice('raw:'.length);
  if (!parameter.startsWith('date:')) return parameter;
  return new Date(nowMs + Number(parameter.slice('date:'.length)) * 1000).toUTCString();
}

function htmlReply(status: number): Reply {
  return { status, headers: { 'content-type': 'text/html; charset=utf-8' }, body: LOGIN_PAGE };
}
