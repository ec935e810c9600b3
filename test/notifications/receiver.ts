/** A receiver of notifications on loopback: an HTTP server that answers as it is told, and keeps what came. */
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, RequestListener, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers a request that came whole. */
export type Behaviour = (response: ServerResponse, received: Received) => void;

export interface Receiver {
  readonly port: number;
  readonly url: string;
  /** Whole requests, in order. */
  readonly received: Received[];
  /** How many connections were made, whatever came over them. */
  connections(): number;
  /** From now on it answers so. */
  answer(behaviour: Behaviour): void;
  close(): Promise<void>;
}

export const withStatus =
  (status: number, headers: Record<string, string> = {}): Behaviour =>
  (response) =>
    void response.writeHead(status, headers).end('{}');

/** With `tls`, over TLS. `host` is where it listens. */
export async function startReceiver(
  options: { readonly tls?: { readonly key: string; readonly cert: string }; readonly host?: string } = {},
): Promise<Receiver> {
  const host = options.host ?? '127.0.0.1';
  const received: Received[] = [];
  let behaviour = withStatus(204);
  let connections = 0;
  const listener: RequestListener = (request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const whole = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body };
      received.push(whole);
      behaviour(response, whole);
    });
  };
  const server = options.tls ? createTlsServer(options.tls, listener) : createServer(listener);
  server.on('connection', () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `${options.tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}/hooks`,
    received,
    connections: () => connections,
    answer: (next) => {
      behaviour = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
