import { isJsonArray, isWellFormed } from './json.js';
import type { JsonValue } from './json.js';

/**
 * The canonical text of a JSON value by RFC 8785 (JSON Canonicalization Scheme): no spacing, members sorted by their
 * names' UTF-16 code units, numbers and strings as ECMAScript writes them. Equal values give equal texts.
 *
 * Throws a TypeError for what I-JSON has no words for: a number that is not finite, a string with a lone surrogate.
 */
export function canonicalJson(value: JsonValue): string {
  if (typeof value === 'string') return canonicalString(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError('a number that is not finite has no canonical JSON');
    return JSON.stringify(value);
  }
  if (value === null || typeof value === 'boolean') return JSON.stringify(value);
  if (isJsonArray(value)) {
    if (holdsTexts(value)) return JSON.stringify(value);
    return `[${value.map((element) => canonicalJson(element)).join(',')}]`;
  }
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${canonicalString(name)}:${canonicalJson(member)}`).join(',')}}`;
}

/** True for nothing but well-formed strings, in lists or not: JSON.stringify writes them as they are to be written. */
function holdsTexts(list: readonly JsonValue[]): boolean {
  return list.every((element) =>
    typeof element === 'string' ? isWellFormed(element) : isJsonArray(element) && holdsTexts(element),
  );
}

function canonicalString(text: string): string {
  if (!isWellFormed(text)) throw new TypeError('a string with a lone surrogate has no canonical JSON');
  return JSON.stringify(text);
}
