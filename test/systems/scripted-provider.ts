/** A provider on loopback that answers every call as its test says, and the way through it: write, send, classify. */
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import type { Answer, Reading } from '../../src/core/answer.js';
import { HttpClient } from '../../src/systems/http.js';
import type { HttpClientOptions, Reply, SendOptions, Unreachable } from '../../src/systems/http.js';
import type { Call, System } from '../../src/systems/system.js';

export const CREDENTIALS = { VELT_API_KEY: 'key', VELT_AUTH_TOKEN: 'token', SUPERMEMORY_API_KEY: 'sm_key' };

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What the provider does with a request that it has read whole. */
export type Script = (response: ServerResponse, request: IncomingMessage) => void;

export class ScriptedProvider {
  readonly seen: Seen[] = [];
  #script: Script = (response) => response.end();
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly origin: string,
  ) {}

  /** Listens on a free port of 127.0.0.1; `server` may be an https one. */
  static async start(server: Server = createServer(), scheme = 'http'): Promise<ScriptedProvider> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error('no address');
    const provider = new ScriptedProvider(server, `${scheme}://127.0.0.1:${address.port}`);
    server.on('connection', (socket) => provider.#sockets.add(socket));
    server.on('request', (request, response) => void provider.#answer(request, response));
    return provider;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    await new Promise<void>((resolve) => request.on('end', resolve));
    const { method = '', url = '', headers } = request;
    this.seen.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
    this.#script(response, request);
  }

  /** Sends a call of that system through a client of its own and reads what came back. */
  async ask(system: System, call: Call, script: Script, options: Partial<HttpClientOptions> = {}): Promise<Reading> {
    return system.classify(call, await this.send(system, call, script, options));
  }

  /** Like `ask`, without reading. */
  async send(
    system: System,
    call: Call,
    script: Script,
    options: Partial<HttpClientOptions> = {},
    sendOptions: SendOptions = {},
  ): Promise<Reply | Unreachable> {
    this.#script = script;
    const client = new HttpClient({ origin: this.origin, timeoutMs: 5_000, connections: 2, ...options });
    const reply = await client.send(system.write(call, CREDENTIALS), sendOptions);
    void client.close();
    return reply;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}

/** A script that answers with JSON. */
export function json(status: number, value: unknown, headers: Record<string, string | string[]> = {}): Script {
  return raw(status, 'application/json', JSON.stringify(value), headers);
}

/** A script that answers with any body. */
export function raw(
  status: number,
  contentType: string,
  body: string | Uint8Array,
  headers: Record<string, string | string[]> = {},
): Script {
  return (response) => {
    response.writeHead(status, { 'content-type': contentType, ...headers });
    response.end(body);
  };
}

/** Per ID, the one word that was said of it; of a call without answers, its verdict. */
export function said(reading: Reading): Record<string, string> | string {
  if (reading.verdict !== 'answered') return wordOf(reading);
  return Object.fromEntries([...reading.answers].map(([id, answer]) => [id, answerWord(answer)]));
}

function wordOf(reading: Exclude<Reading, { verdict: 'answered' }>): string {
  switch (reading.verdict) {
    case 'refused':
      return 'refused';
    case 'unclear':
      return `unclear${reading.silent ? ', silent' : ''}, effect ${reading.effect}`;
    case 'blocked':
      return `blocked by ${reading.reason}, effect ${reading.effect}`;
  }
}

function answerWord(answer: Answer): string {
  if (answer.said === 'refused') return `refused: ${answer.reason}`;
  return answer.said === 'erased' ? `erased: ${answer.evidence}` : answer.said;
}
