import { request, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { SANDBOX_KEYS } from '../../src/sandbox/sandbox.js';

/** What came over the wire: an answer, whole or broken off, or the code of the error that came instead. */
export interface Wire {
  readonly status: number | null;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
  readonly json: unknown;
  readonly error: string | null;
}

export const VELT_HEADERS = {
  'content-type': 'application/json',
  'x-velt-api-key': SANDBOX_KEYS.velt.apiKey,
  'x-velt-auth-token': SANDBOX_KEYS.velt.authToken,
};
export const SUPERMEMORY_HEADERS = {
  'content-type': 'application/json',
  authorization: `Bearer ${SANDBOX_KEYS.supermemory.apiKey}`,
};

/** One call on a connection of its own; it waits as long as it must. */
export function send(url: string, method: string, headers: OutgoingHttpHeaders, body: string): Promise<Wire> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let status: number | null = null;
    let answered: IncomingHttpHeaders = {};
    const done = (error: string | null): void => {
      const bytes = Buffer.concat(chunks);
      const text = bytes.toString('utf8');
      resolve({ status, headers: answered, bytes, text, json: jsonOf(text), error });
      call.destroy();
    };
    const call = request(url, {
      method,
      agent: false,
      headers: { 'content-length': Buffer.byteLength(body), ...headers },
    });
    call.on('error', (error) => done('code' in error ? String(error.code) : error.message));
    call.on('response', (response) => {
      status = response.statusCode ?? null;
      answered = response.headers;
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', (error) => done('code' in error ? String(error.code) : error.message));
      response.on('end', () => done(null));
    });
    call.end(body);
  });
}

export function documents(url: string, organizationId: string, documentIds: unknown): Promise<Wire> {
  const body = JSON.stringify({ data: { organizationId, documentIds } });
  return send(`${url}/v2/organizations/documents/delete`, 'POST', VELT_HEADERS, body);
}

export function comments(url: string, data: object): Promise<Wire> {
  return send(`${url}/v1/commentannotations/delete`, 'POST', VELT_HEADERS, JSON.stringify({ data }));
}

export function memories(url: string, body: unknown): Promise<Wire> {
  return send(`${url}/v3/documents/bulk`, 'DELETE', SUPERMEMORY_HEADERS, JSON.stringify(body));
}

export function control(url: string, method: string, path: string, body?: unknown): Promise<Wire> {
  return send(`${url}/_sandbox/${path}`, method, {}, body === undefined ? '' : JSON.stringify(body));
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
