/**
 * The last look at a call before it is sent. At these providers an empty or lost filter widens a deletion, so a call that
 * does not say exactly what was asked is a bug of ours, and throws rather than goes out.
 */
import { isDeepStrictEqual } from 'node:util';

import { isWellFormed, readJsonObject } from '../core/json.js';
import type { JsonValue } from '../core/json.js';
import type { Call } from './system.js';

/** Throws unless the call names 1 to `max` different IDs. */
export function assertIds(call: Call, max: number): void {
  if (call.ids.length > max) throw new Error(`a call names ${call.ids.length} IDs, its system takes ${max}`);
  assertList(call.ids);
}

/** The list, when it is one of different, non-empty, well-formed strings, at least one; throws otherwise. */
export function assertList(list: string | readonly string[] | undefined): readonly string[] {
  if (typeof list === 'string' || list === undefined) throw new Error('a filter that is present is a list');
  if (list.length === 0) throw new Error('a list that is present is not empty: an empty one would widen the deletion');
  if (new Set(list).size !== list.length) throw new Error('a list names every value once');
  const isSound = list.every((value) => typeof value === 'string' && value !== '' && isWellFormed(value));
  if (!isSound) throw new Error('a list holds non-empty, well-formed strings');
  return list;
}

/** Throws unless the serialized body, read back, is what was meant: nothing dropped by the serializer, nothing replaced. */
export function assertSent(body: string, meant: JsonValue): void {
  const sent = readJsonObject(new TextEncoder().encode(body));
  if (!sent.ok || !isDeepStrictEqual(sent.value, meant))
    throw new Error('the serialized call is not the call that was meant');
}
