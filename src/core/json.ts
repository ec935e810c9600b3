/** JSON as it came from outside: read strictly or not at all, and looked into by own keys only. */

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** An object as JSON.parse makes it: every member, `__proto__` too, is an own one. Look into it with `own`. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

export type JsonProblem = 'empty' | 'utf8' | 'syntax' | 'duplicate_key' | 'not_object' | 'too_deep';

export type JsonReading =
  { readonly ok: true; readonly value: JsonObject } | { readonly ok: false; readonly problem: JsonProblem };

/** How deep a reply may nest when the caller names no other limit. */
const DEPTH_MAX = 100;

const QUOTE = 0x22;
const COLON = 0x3a;
const BACKSLASH = 0x5c;

/**
 * Reads one JSON object (RFC 8259) out of bytes.
 *
 * Strict where JSON.parse is lenient: bytes that are not UTF-8 are refused rather than replaced, a byte order mark is a
 * syntax error, and a name that stands twice in one object, at any level and however escaped, is refused instead of
 * the last one winning. `depthMax` counts the outermost object as 1. Never throws.
 */
export function readJsonObject(bytes: Uint8Array, depthMax = DEPTH_MAX): JsonReading {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { ok: false, problem: 'utf8' };
  }
  if (/^[ \t\r\n]*$/.test(text)) return { ok: false, problem: 'empty' };
  const outline = outlineOf(bytes, depthMax);
  if (outline === null) return { ok: false, problem: 'too_deep' };
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return { ok: false, problem: 'syntax' };
  }
  if (!isJsonObject(parsed)) return { ok: false, problem: 'not_object' };
  // A repeated name leaves fewer members in the parsed value than the text has.
  if (countMembers(parsed) !== outline.members) return { ok: false, problem: 'duplicate_key' };
  return { ok: true, value: parsed };
}

/**
 * Reads one JSON object as `readJsonObject` does, but lets no number pass for another: one that is not written as a
 * whole number, or that a double cannot hold exactly (beyond 2^53 - 1), is read as Infinity.
 */
export function readExactObject(bytes: Uint8Array, depthMax = DEPTH_MAX): JsonReading {
  const reading = readJsonObject(bytes, depthMax);
  if (!reading.ok) return reading;
  const text = Buffer.from(bytes).toString('utf8');
  const exact: unknown = JSON.parse(text.replaceAll(STRING_OR_NUMBER, keepExact));
  return isJsonObject(exact) ? { ok: true, value: exact } : { ok: false, problem: 'not_object' };
}

const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?[0-9][0-9.eE+-]*/g;

function keepExact(token: string): string {
  if (token.startsWith('"')) return token;
  const number = Number(token);
  return Number.isSafeInteger(number) && String(number) === token ? token : '1e999';
}

/** The own member of that name, or undefined: what stands on the prototype (`constructor`, `toString`) is no member. */
export function own(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** True for a JSON object: neither null nor an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** True for an array of JSON values; narrows where Array.isArray leaves a readonly array behind. */
export function isJsonArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** False for a string with a lone surrogate, which no UTF-8 can carry. */
export function isWellFormed(text: string): boolean {
  return text.isWellFormed();
}

/** Counts the members (colons outside strings) of what may be JSON, or null when it nests deeper than allowed. */
function outlineOf(bytes: Uint8Array, depthMax: number): { readonly members: number } | null {
  let depth = 0;
  let members = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at += 1;
      while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
    } else if (byte === COLON) {
      members += 1;
    } else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (depth > depthMax) return null;
    } else if (byte === 0x7d || byte === 0x5d) {
      depth -= 1;
    }
  }
  return { members };
}

function countMembers(root: JsonObject): number {
  let members = 0;
  const open: JsonValue[] = [root];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== 'object' || value === null) continue;
    if (isJsonArray(value)) {
      for (const element of value) if (typeof element === 'object' && element !== null) open.push(element);
      continue;
    }
    for (const key of Object.keys(value)) {
      members += 1;
      const member = value[key];
      if (typeof member === 'object' && member !== null) open.push(member);
    }
  }
  return members;
}
