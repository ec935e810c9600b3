/** A webhook delivery as it came over HTTP, and what comes of it as an answer. */
import type { FastifyRequest } from 'fastify';
import type { Delivery } from '../../core/webhook-signature.js';
import { PAYLOAD_DEPTH_MAX } from '../../erasure/source-mapping.js';
import type { Understood } from '../../erasure/source-mapping.js';
import { headerValues } from '../idempotency-key.js';
import { unreadableBody } from '../json-body.js';
import { Problem } from '../problem.js';

/** The bytes and headers of a route that takes its body raw. */
export function deliveryOf(request: FastifyRequest): Delivery {
  return {
    header: (name) => headerValues(request.raw.rawHeaders, name),
    body: request.rawBody ?? Buffer.alloc(0),
  };
}

/** Every way in which a payload cannot become a request, as a problem. */
export function refusedPayload(refused: Exclude<Understood, { readonly kind: 'asks' | 'ignored' }>): Problem {
  switch (refused.kind) {
    case 'unreadable':
      return unreadableBody(refused.problem, PAYLOAD_DEPTH_MAX);
    case 'mismatched':
      return new Problem('payload_unfit', refused.message);
    case 'unfit':
      return new Problem('payload_unfit', 'Nothing was started: the mapping finds no value that it can use.', {
        errors: refused.problems,
      });
    case 'too_many_ids':
      return new Problem('too_many_ids', 'One request names at most 100000 IDs.');
    case 'not_configured':
      return new Problem('not_configured', `No credentials are set here for ${refused.systems.join(', ')}.`);
  }
}
