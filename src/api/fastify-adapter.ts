/** The HTTP server: its limits, its request ids, its one log line a request, and what every answer carries. */
import { STATUS_CODES } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../erasure/workplace.js';
import { newId, readId } from '../store/identifiers.js';
import { limitBodyTime } from './body-time.js';
import { IMPORT_TYPES } from './import.controller.js';
import { readBody } from './json-body.js';
import { answer } from './problem.filter.js';
import { Problem } from './problem.js';
import { noteRoutes } from './routes-known.js';
import './caller.js';

const BODY_BYTES_MAX = 16 * 1024 * 1024;
/** Of a webhook delivery. */
const RAW_BODY_BYTES_MAX = 256 * 1024;
const URL_CHARACTERS_MAX = 8 * 1024;
const HEADERS_MAX = 100;
/** Longer than the 60 s that load balancers usually keep idle connections. */
const KEEP_ALIVE_MS = 65_000;

const ANSWER_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

export interface HttpTimes {
  /** How long the headers of a request may take to arrive. */
  readonly headersMs: number;
  /** How long a whole request may take to arrive. */
  readonly requestMs: number;
  /** How often those two are looked at. */
  readonly checkMs: number;
}

const TIMES: HttpTimes = { headersMs: 15_000, requestMs: 60_000, checkMs: 5_000 };

/**
 * The adapter for the application, the same for the service and for tests. `log` gets one line a request (id, method,
 * route, status, milliseconds; never the URL, a header or a body); Fastify itself logs nothing. Behind `trustedProxies`
 * reverse proxies the address of a request is the one that the first of them saw.
 */
export function fastifyAdapter(log: Log, times: HttpTimes = TIMES, trustedProxies = 0): FastifyAdapter {
  const adapter = new JsonAdapter({
    logger: false,
    trustProxy: trustedProxies === 0 ? false : (_address: string, hop: number) => hop < trustedProxies,
    bodyLimit: BODY_BYTES_MAX,
    routerOptions: { maxParamLength: URL_CHARACTERS_MAX },
    // The server's own limit knows no routes: a body that is streamed may take as long as it keeps coming.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // While it closes the server answers 503 by the hook below, as a problem.
    return503OnClosing: false,
    http: {
      headersTimeout: times.headersMs,
      connectionsCheckingInterval: times.checkMs,
      requireHostHeader: false,
    },
    genReqId: (message: { readonly headers: IncomingMessage['headers'] }) => requestId(message.headers),
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      reply.headers({ ...ANSWER_HEADERS, 'x-request-id': request.id });
      answer(error, request, reply, log);
      log.info({ requestId: request.id, method: request.method, route: null, status: reply.statusCode }, 'request');
    },
    clientErrorHandler: (error, socket) => refuseConnection(error, socket, log),
  });
  const instance = adapter.getInstance();
  noteRoutes(instance);
  instance.addHook('onRoute', (route) => {
    if (route.config?.raw === true) route.bodyLimit = RAW_BODY_BYTES_MAX;
  });
  let closing = false;
  instance.addHook('preClose', (done) => {
    closing = true;
    done();
  });
  instance.decorateRequest('caller', null);
  instance.decorateRequest('rawBody', null);
  instance.addHook('onRequest', (request, reply, done) => {
    reply.headers({ ...ANSWER_HEADERS, 'x-request-id': request.id });
    if (closing) reply.header('connection', 'close');
    if (request.routeOptions.config?.streams !== true) limitBodyTime(request, reply, times.requestMs, log);
    const problem = closing ? new Problem('unavailable', 'The service is stopping.') : unreadable(request);
    if (problem === null) done();
    else done(problem);
  });
  instance.addHook('onResponse', (request, reply, done) => {
    log.info(
      {
        requestId: request.id,
        method: request.method,
        route: request.routeOptions.url ?? null,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
      },
      'request',
    );
    done();
  });
  instance.removeAllContentTypeParsers();
  instance.addContentTypeParser('*', { parseAs: 'buffer' }, (request, bytes, done) => {
    const body = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
    request.rawBody = body;
    if (request.routeOptions.config.raw === true) done(null);
    else done(null, readBody(request.headers['content-type'], body));
  });
  instance.addContentTypeParser([...IMPORT_TYPES], (request, payload, done) => {
    if (request.routeOptions.config?.streams === true && inUtf8(request.headers['content-type'])) done(null, payload);
    else done(new Problem('media_type_unsupported', 'Send application/json, in UTF-8.'));
  });
  return adapter;
}

const inUtf8 = (contentType: string | undefined): boolean =>
  !/charset/i.test(contentType ?? '') || /;\s*charset="?utf-8"?\s*(;|$)/i.test(contentType ?? '');

/** Nest's own body parsers stay out: ours are stricter. */
class JsonAdapter extends FastifyAdapter {
  override registerParserMiddleware(): void {}
}

/** A caller's own request id is taken over when it is a UUID, so that no other text gets into the log. */
function requestId(headers: IncomingMessage['headers']): string {
  const given = headers['x-request-id'];
  return (typeof given === 'string' ? readId(given) : null) ?? newId();
}

/** What is wrong with a request before its body is looked at, or null. */
function unreadable(request: FastifyRequest): Problem | null {
  const { url = '', rawHeaders, httpVersion } = request.raw;
  if (url.length > URL_CHARACTERS_MAX) {
    return new Problem('url_too_long', `A URL has at most ${URL_CHARACTERS_MAX} characters.`);
  }
  if (rawHeaders.length / 2 > HEADERS_MAX) {
    return new Problem('headers_too_large', `A request has at most ${HEADERS_MAX} headers.`);
  }
  if (request.headers.host === undefined && httpVersion === '1.1') {
    return new Problem('bad_request', 'The Host header is missing.');
  }
  const encoding = request.headers['content-encoding'];
  return encoding === undefined || encoding.toLowerCase() === 'identity'
    ? null
    : new Problem('encoding_unsupported', 'Send the body as it is, without Content-Encoding.');
}

/** Answers what never became a request: bytes that are not HTTP, headers too large, a sender too slow. */
function refuseConnection(error: Error & { readonly code?: string }, socket: Socket, log: Log): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = connectionProblem(error.code);
  const id = newId();
  const body = problem.body(id);
  const headers = { ...ANSWER_HEADERS, ...problem.headers(), 'x-request-id': id, connection: 'close' };
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  log.info({ requestId: id, status: problem.status, code: error.code ?? null }, 'request refused unread');
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}\r\n${head.join('')}` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}

function connectionProblem(code: string | undefined): Problem {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem('timeout', 'Send the whole request sooner.');
    case 'HPE_HEADER_OVERFLOW':
      return new Problem('headers_too_large', 'The headers of a request have at most 16 KiB.');
    case undefined:
    default:
      return new Problem('bad_request', 'What came is not an HTTP/1.1 request.');
  }
}
