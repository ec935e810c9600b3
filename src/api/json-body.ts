/** How request bodies become values: strictly, or not at all. */
import { readJsonObject } from '../core/json.js';
import type { JsonObject, JsonProblem } from '../core/json.js';
import { Problem } from './problem.js';

/** The deepest valid body: body, targets, target, list. What nests deeper than this is refused unread. */
const DEPTH_MAX = 10;

const JSON_TYPE = /^application\/json[ \t]*(?:;[ \t]*charset="?utf-8"?[ \t]*)?;?[ \t]*$/i;

/**
 * Reads a body that was sent under this Content-Type. An empty one gives undefined: whether it may be empty is for
 * the route to say. Throws a Problem, 400 or 415.
 */
export function readBody(contentType: string | undefined, bytes: Uint8Array): JsonObject | undefined {
  if (!JSON_TYPE.test(contentType ?? '')) {
    throw new Problem('media_type_unsupported', 'Send application/json, in UTF-8.');
  }
  const reading = readJsonObject(bytes, DEPTH_MAX);
  if (reading.ok) return reading.value;
  if (reading.problem === 'empty') return undefined;
  throw unreadableBody(reading.problem, DEPTH_MAX);
}

/** What is said of a body that is no JSON object. */
export function unreadableBody(problem: JsonProblem, depthMax: number): Problem {
  switch (problem) {
    case 'empty':
      return new Problem('body_missing', 'Send a JSON object.');
    case 'utf8':
      return new Problem('utf8_invalid', 'The body has bytes that are not UTF-8.');
    case 'syntax':
      return new Problem('json_invalid', 'The body is not JSON by RFC 8259, without a byte order mark.');
    case 'duplicate_key':
      return new Problem('duplicate_key', 'An object of the body has two members of one name.');
    case 'not_object':
      return new Problem('body_not_object', 'The body must be one JSON object.');
    case 'too_deep':
      return new Problem('too_deep', `The body may nest ${depthMax} levels deep.`);
  }
}
