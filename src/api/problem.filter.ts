/** The one place that writes application/problem+json: whatever was thrown on the way to an answer ends here. */
import { Catch, HttpException, Inject } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isUnavailable, sqlState } from '../store/database.js';
import { Workplace } from '../erasure/workplace.js';
import type { Log } from '../erasure/workplace.js';
import { allowedMethods } from './routes-known.js';
import { Problem } from './problem.js';

@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(@Inject(Workplace) private readonly workplace: Workplace) {}

  catch(exception: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    answer(exception, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>(), this.workplace.log);
  }
}

/** Answers a request that something went wrong with. Faults of ours and of the infrastructure are logged, once. */
export function answer(exception: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): void {
  const problem = problemOf(exception, request);
  if (problem.slug === 'internal') {
    log.error({ requestId: request.id, ...traceOf(exception) }, 'a request failed on our side');
  } else if (problem.slug === 'unavailable') {
    log.warn({ requestId: request.id, code: sqlState(exception) }, 'a request found the database away');
  }
  if (reply.sent || reply.raw.headersSent) {
    reply.raw.destroy();
    return;
  }
  // As bytes: Fastify would add a charset to a text, and the media type has none (RFC 9457, 3).
  void reply
    .status(problem.status)
    .headers(problem.headers())
    .send(Buffer.from(problem.body(request.id)));
}

function problemOf(exception: unknown, request: FastifyRequest): Problem {
  if (exception instanceof Problem) return exception;
  const cause = exception instanceof HttpException && exception.cause ? exception.cause : exception;
  const code = sqlState(cause);
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Problem('body_too_large', `A body holds at most ${sizeText(request.routeOptions.bodyLimit)} here.`);
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new Problem('media_type_unsupported', 'Send application/json, in UTF-8.');
    case 'FST_ERR_BAD_URL':
      return new Problem('url_invalid', 'The path is not validly percent-encoded.');
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new Problem('url_too_long', 'The path is too long.');
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new Problem('bad_request', 'The body is not as long as its Content-Length says.');
    case null:
    default:
  }
  // The sender went away while sending: nobody is left to answer, and no fault of the database's.
  if (request.raw.errored !== null) return new Problem('bad_request', 'The body was cut off.');
  if (isUnavailable(cause)) return new Problem('unavailable', 'Nothing was stored. Try again later.');
  const status = exception instanceof HttpException ? exception.getStatus() : null;
  if (status === 404) return notFound(request);
  if (status !== null && status < 500) return new Problem('bad_request', 'The request could not be read.');
  return new Problem('internal', 'The fault is logged under the request id.');
}

function sizeText(bytes: number): string {
  return bytes < 1024 * 1024 ? `${bytes / 1024} KiB` : `${bytes / 1024 / 1024} MiB`;
}

/** No such route, or none for that method. */
function notFound(request: FastifyRequest): Problem {
  const allow = allowedMethods(request);
  return allow.length === 0
    ? new Problem('not_found', 'There is nothing at this path.')
    : new Problem('method_not_allowed', `This path allows ${allow.join(', ')}.`, { allow });
}

/** What may be logged of a fault: its class, its code and our own lines. Messages may hold values, so they stay out. */
function traceOf(exception: unknown): { error: string; code: string | null; at: string[] } {
  const code = sqlState(exception);
  if (!(exception instanceof Error)) return { error: typeof exception, code, at: [] };
  const frames = (exception.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  const ours = frames.filter((line) => !/node_modules|\(?node:/.test(line));
  return { error: exception.name, code, at: ours.map((line) => line.trim()).slice(0, 10) };
}
