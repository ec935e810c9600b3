import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../erasure/workplace.js';
import { answer } from './problem.filter.js';
import { Problem } from './problem.js';

/** Gives up on a request whose body has not arrived whole within `withinMs`: 408, and the connection is closed. */
export function limitBodyTime(request: FastifyRequest, reply: FastifyReply, withinMs: number, log: Log): void {
  const timer = setTimeout(() => {
    if (request.raw.complete || reply.sent) return;
    reply.header('connection', 'close');
    answer(new Problem('timeout', 'Send the whole request sooner.'), request, reply, log);
  }, withinMs);
  timer.unref();
  request.raw.once('close', () => clearTimeout(timer));
}
