/** One entry of Velt's per-ID map: `{success, id?, message?, code?}`. Rules: docs/contract-coverage.md, "Velt entries". */
import type { Answer } from '../../core/answer.js';
import { isJsonObject, own } from '../../core/json.js';
import type { JsonValue } from '../../core/json.js';
import { fold, innerId, kept } from '../words.js';
import { UNCLEAR } from '../whole-call.js';

/** "Deleted Successfully", and rewordings of it that can mean nothing else. */
const DELETED_TEXT =
  /^((documents?|annotations?|comments?)( was| were| has been| have been)? )?(successfully )?deleted( successfully)?$/;

/** Texts that Velt uses for "not found" and for a failure alike, so that they say neither. */
const AMBIGUOUS_TEXTS: ReadonlySet<string> = new Set(['failed to delete notification', 'failed to delete activity']);

const DENIED_TEXTS: ReadonlySet<string> = new Set(['permission denied']);

/** What a code says of its ID; a code that is not here is one that we do not know. */
const CODES: ReadonlyMap<string, 'absent' | 'later' | 'denied' | 'rejected' | 'unclear'> = new Map([
  ['not-found', 'absent'],
  ['internal', 'later'],
  ['unavailable', 'later'],
  ['aborted', 'later'],
  ['resource-exhausted', 'later'],
  ['permission-denied', 'denied'],
  ['unauthenticated', 'denied'],
  ['invalid-argument', 'rejected'],
  ['failed-precondition', 'rejected'],
  ['out-of-range', 'rejected'],
  // May have run to its end all the same (google/rpc/code.proto).
  ['deadline-exceeded', 'unclear'],
  ['cancelled', 'unclear'],
  ['unknown', 'unclear'],
]);

/**
 * Reads one entry. `absentTexts` are the folded texts by which this endpoint says that an ID does not exist. Anything
 * but a strict boolean and words that we know is unclear; total over any JSON value, and over a missing one.
 */
export function readEntry(entry: JsonValue | undefined, absentTexts: ReadonlySet<string>): Answer {
  if (!isJsonObject(entry)) return UNCLEAR;
  const success = own(entry, 'success');
  const code = own(entry, 'code') ?? null;
  const message = own(entry, 'message') ?? null;
  const words = { text: kept(message), providerId: innerId(own(entry, 'id')) };
  const folded = typeof message === 'string' ? fold(message) : null;
  if (success === true) {
    const isContradiction = code !== null || (message !== null && folded === null);
    if (isContradiction) return { ...words, said: 'unclear' };
    if (folded !== null && absentTexts.has(folded)) return { ...words, said: 'absent' };
    const isDeleted = folded === null || folded === '' || DELETED_TEXT.test(folded);
    return isDeleted ? { ...words, said: 'erased', evidence: 'provider' } : { ...words, said: 'unclear' };
  }
  if (success !== false) return { ...words, said: 'unclear' };
  if (code !== null) return { ...words, ...byCode(code) };
  if (folded !== null && absentTexts.has(folded)) return { ...words, said: 'absent' };
  if (folded !== null && AMBIGUOUS_TEXTS.has(folded)) return { ...words, said: 'unclear' };
  const isDenied = folded !== null && DENIED_TEXTS.has(folded);
  return { ...words, said: 'refused', reason: isDenied ? 'denied' : 'contract' };
}

/** True for an object that speaks of one ID at all. */
export function isEntry(value: JsonValue | undefined): boolean {
  return isJsonObject(value) && Object.hasOwn(value, 'success');
}

type Said = { said: 'absent' | 'later' | 'unclear' } | { said: 'refused'; reason: 'denied' | 'rejected' | 'contract' };

function byCode(code: JsonValue): Said {
  const meaning = typeof code === 'string' ? CODES.get(code.toLowerCase().replaceAll('_', '-')) : undefined;
  switch (meaning) {
    case 'absent':
    case 'later':
    case 'unclear':
      return { said: meaning };
    case 'denied':
    case 'rejected':
      return { said: 'refused', reason: meaning };
    case undefined:
      return { said: 'refused', reason: 'contract' };
  }
}
