/** How providers' words are compared and kept. */
import { isJsonArray } from '../core/json.js';
import type { JsonValue } from '../core/json.js';
import type { Call } from './system.js';

/** The longest text kept of a provider's words, in characters. */
const TEXT_MAX = 1000;

/** A text as the known texts are written: without outer blanks, in lower case, without one final period. */
export function fold(text: string): string {
  return text.trim().toLowerCase().replace(/\.$/, '');
}

/**
 * A provider's words as they can be kept: at most 1,000 characters, with NUL and lone surrogates, which no database
 * takes, replaced by U+FFFD. Null for what is not a string.
 */
export function kept(value: JsonValue | undefined): string | null {
  if (typeof value !== 'string') return null;
  return value.slice(0, TEXT_MAX).replace(/\p{Surrogate}|\0/gu, '\uFFFD');
}

/**
 * True when a provider's words for a whole call match the pattern (written for folded text), and do so without the
 * values that the call itself carried: an ID that reads like an error ("api key", "quota") must not close a provider
 * when a message quotes it.
 */
export function says(pattern: RegExp, message: string | null, call: Call): boolean {
  if (message === null || !pattern.test(fold(message))) return false;
  const misleading = [...call.ids, ...Object.values(call.scope).flat()].filter((value) => pattern.test(fold(value)));
  return pattern.test(fold(misleading.reduce((words, value) => words.replaceAll(value, ' '), message)));
}

/** The provider's own inner id, which may be a string or a number; null for anything else. */
export function innerId(value: JsonValue | undefined): string | null {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  return isJsonArray(value) ? null : kept(value);
}
