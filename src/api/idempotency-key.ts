/** The Idempotency-Key header (after draft-ietf-httpapi-idempotency-key-header): the caller's name for one attempt to submit. */
import { Problem } from './problem.js';

const CHARACTERS_MAX = 255;
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;
/** A String of RFC 8941, 3.3.3: quotes and backslashes within are escaped. */
const QUOTED = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;

/**
 * The key among a request's headers (`rawHeaders`: name, value, name, value …), or null when there is none. The quoted
 * and the bare form of a key are the same key. Throws a Problem for a key that is none, and for two headers.
 */
export function readIdempotencyKey(rawHeaders: readonly string[]): string | null {
  const values = headerValues(rawHeaders, 'idempotency-key');
  const [value] = values;
  if (value === undefined) return null;
  if (values.length > 1) throw refused('The header stands more than once.');
  const given = value.trim();
  const key = given.startsWith('"') ? QUOTED.exec(given)?.[1]?.replaceAll(/\\(["\\])/g, '$1') : given;
  if (key === undefined || key.length === 0 || key.length > CHARACTERS_MAX || !PRINTABLE_ASCII.test(key)) {
    throw refused(`A key has 1 to ${CHARACTERS_MAX} printable ASCII characters, quoted or bare.`);
  }
  return key;
}

/** Every value of a header as it was sent, where Node itself would join or drop repeated ones. */
export function headerValues(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
}

function refused(detail: string): Problem {
  return new Problem('idempotency_key_invalid', detail);
}
