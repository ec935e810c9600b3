/**
 * The wire to the providers: what came back over it, unread (a whole reply, or the way in which there was none), and
 * the one client that puts calls on it.
 */
import { createHash } from 'node:crypto';

import { errors, Pool } from 'undici';
import type { Dispatcher } from 'undici';

import { decoded } from './content-encoding.js';

/** A call in words. `path` is a constant of the adapter: nothing submitted ever stands in a URL. */
export interface HttpCall {
  readonly method: 'POST' | 'DELETE';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The serialized JSON body. */
  readonly body: string;
}

export interface Reply {
  readonly kind: 'reply';
  readonly status: number;
  /** Lower-cased media type without parameters, or null. */
  readonly contentType: string | null;
  /** Every Retry-After header, in order. */
  readonly retryAfter: readonly string[];
  /** The whole body, decoded from any content encoding, within the cap. */
  readonly body: Uint8Array;
  /** Hex SHA-256 of the body's bytes. */
  readonly sha256: string;
  /** Time at which the last byte came, epoch milliseconds: the clock against which an HTTP-date is read. */
  readonly receivedAt: number;
}

export interface Unreachable {
  readonly kind: 'unreachable';
  /** False only when it is certain that nothing of the call left us: no name, no connection, no TLS. */
  readonly sent: boolean;
  readonly cause:
    'name' | 'connection' | 'tls' | 'timeout' | 'reset' | 'cut' | 'too_large' | 'undecodable' | 'not_sent';
  /** The HTTP status when the head came and the body did not, else null. */
  readonly status: number | null;
}

/** The largest body read when the caller names no other limit: 8 MiB, before and after decoding. */
const BODY_BYTES_MAX = 8 * 1024 * 1024;
const HEADERS = { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'expunge' };
/** How long a connection may take to come about; the total deadline may be shorter. */
const CONNECT_TIMEOUT_MS = 10_000;

export interface HttpClientOptions {
  /** Scheme, host and port of the provider, and nothing after them. */
  readonly origin: string;
  /** The time for one whole call: waiting for a connection, the request, and the reply with its body. */
  readonly timeoutMs: number;
  /** How many connections may be open at once. */
  readonly connections: number;
  /** The largest body that is read, in bytes, before and after decoding. */
  readonly bodyBytesMax?: number;
  /** Certificate authorities (PEM) to trust instead of the well-known ones. */
  readonly ca?: string;
}

export interface SendOptions {
  /** Gives the call up: before its first byte nothing is sent, after it the connection is reset. */
  readonly signal?: AbortSignal;
  /**
   * Asked when a connection is ready and the next thing is the call's first byte, in the same turn of the event loop;
   * when it answers false, or throws, nothing is sent.
   */
  readonly beforeFirstByte?: () => boolean;
}

/**
 * The only client that speaks to providers; one for each provider. It sends a call at most once: no redirect is
 * followed (it would carry the credentials along and turn a POST into a GET), nothing is retried (a retry would hide
 * that the first call may have deleted something), no proxy is read from the environment, certificates are verified.
 */
export class HttpClient {
  readonly #pool: Pool;
  readonly #timeoutMs: number;
  readonly #bodyBytesMax: number;

  /** Throws when `origin` is not an http or https origin. */
  constructor(options: HttpClientOptions) {
    this.#timeoutMs = options.timeoutMs;
    this.#bodyBytesMax = options.bodyBytesMax ?? BODY_BYTES_MAX;
    this.#pool = new Pool(options.origin, {
      connections: options.connections,
      pipelining: 1,
      // The exchange keeps one deadline over everything instead.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: {
        timeout: Math.min(CONNECT_TIMEOUT_MS, options.timeoutMs),
        rejectUnauthorized: true,
        ...(options.ca === undefined ? {} : { ca: options.ca }),
      },
    });
  }

  /** Sends one call and gives back what came of it. Never throws, never rejects. */
  send(call: HttpCall, options: SendOptions = {}): Promise<Reply | Unreachable> {
    return new Promise((resolve) => {
      const finish = (result: Reply | Unreachable): void => {
        clearTimeout(deadline);
        options.signal?.removeEventListener('abort', giveUp);
        resolve(result);
      };
      const exchange = new Exchange(this.#bodyBytesMax, options.beforeFirstByte ?? (() => true), finish);
      const giveUp = (): void => exchange.giveUp(exchange.sent ? 'reset' : 'not_sent');
      const deadline = setTimeout(() => exchange.giveUp('timeout'), this.#timeoutMs);
      options.signal?.addEventListener('abort', giveUp, { once: true });
      if (options.signal?.aborted === true) return giveUp();
      try {
        this.#pool.dispatch(
          {
            path: call.path,
            method: call.method,
            headers: { ...call.headers, ...HEADERS },
            body: call.body,
            idempotent: false,
            // Without this a DELETE that has a body closes its connection.
            reset: false,
          },
          exchange,
        );
      } catch {
        exchange.giveUp('not_sent');
      }
    });
  }

  /** Lets calls in flight run to their end, then closes every connection. */
  async close(): Promise<void> {
    if (!this.#pool.destroyed) await this.#pool.close();
  }
}

type IncomingHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** One call on the wire, from the first byte sent to the last one read. Ends exactly once. */
class Exchange implements Dispatcher.DispatchHandler {
  #controller: Dispatcher.DispatchController | null = null;
  #status: number | null = null;
  #headers: IncomingHeaders = {};
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #ended = false;

  constructor(
    private readonly bodyBytesMax: number,
    private readonly beforeFirstByte: () => boolean,
    private readonly finish: (result: Reply | Unreachable) => void,
  ) {}

  /** True once a byte of the call may have left us. */
  get sent(): boolean {
    return this.#controller !== null;
  }

  /** Ends the exchange from our side. */
  giveUp(cause: Unreachable['cause']): void {
    this.#end({ kind: 'unreachable', sent: this.sent, cause, status: this.#status });
    this.#controller?.abort(new Error('given up'));
  }

  // undici calls this when a connection is ready, directly before it writes the request's first byte.
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#ended || this.sent) {
      controller.abort(new Error('a call is sent at most once'));
    } else if (this.#mayStart()) {
      this.#controller = controller;
    } else {
      this.giveUp('not_sent');
      controller.abort(new Error('not sent'));
    }
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHeaders): void {
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.bodyBytesMax) this.giveUp('too_large');
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#status === null) return this.giveUp('cut');
    const encoding = this.#header('content-encoding').join(',').trim().toLowerCase();
    const body = decoded(Buffer.concat(this.#chunks), encoding, this.bodyBytesMax);
    if (typeof body === 'string') return this.giveUp(body);
    this.#end({
      kind: 'reply',
      status: this.#status,
      contentType: this.#header('content-type')[0]?.split(';')[0]?.trim().toLowerCase() ?? null,
      retryAfter: this.#header('retry-after'),
      body,
      sha256: createHash('sha256').update(body).digest('hex'),
      receivedAt: Date.now(),
    });
  }

  onResponseError(_: Dispatcher.DispatchController, error: unknown): void {
    this.giveUp(causeOf(error, this.sent, this.#status));
  }

  #mayStart(): boolean {
    try {
      return this.beforeFirstByte();
    } catch {
      return false;
    }
  }

  #header(name: string): readonly string[] {
    const value = this.#headers[name];
    return typeof value === 'string' ? [value] : (value ?? []);
  }

  #end(result: Reply | Unreachable): void {
    if (this.#ended) return;
    this.#ended = true;
    this.finish(result);
  }
}

function causeOf(error: unknown, sent: boolean, status: number | null): Unreachable['cause'] {
  const code = codeOf(error);
  if (!sent) return causeBefore(code);
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return 'too_large';
  if (status !== null) return 'cut';
  return error instanceof errors.HTTPParserError ? 'undecodable' : 'reset';
}

function causeBefore(code: string): Unreachable['cause'] {
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') return 'timeout';
  if (code === 'ENOTFOUND' || code.startsWith('EAI_')) return 'name';
  if (/^(ERR_TLS|ERR_SSL|EPROTO)|CERT|SIGNATURE/.test(code)) return 'tls';
  return code.startsWith('UND_ERR_') ? 'not_sent' : 'connection';
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
