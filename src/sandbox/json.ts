/** True for a JSON object: not null, not an array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** True for an array that holds nothing but strings. */
export function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}

/** The parsed JSON text, or undefined where it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Thrown where a seed, fault or option is not what docs/sandbox.md describes; the message names the place. */
export class SandboxInputError extends Error {
  override readonly name = 'SandboxInputError';
}

/** The object at `place`, holding no keys but the `known` ones. Throws SandboxInputError. */
export function readRecord(value: unknown, place: string, known: readonly string[]): Record<string, unknown> {
  if (!isRecord(value)) throw new SandboxInputError(`${place} must be an object`);
  const unknownKey = Object.keys(value).find((key) => !known.includes(key));
  if (unknownKey !== undefined) throw new SandboxInputError(`${place} has an unknown field "${unknownKey}"`);
  return value;
}

/** The list at `place`, each entry read by `read`; an absent list is empty. Throws SandboxInputError. */
export function readList<T>(value: unknown, place: string, read: (entry: unknown, place: string) => T): T[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new SandboxInputError(`${place} must be a list`);
  return value.map((entry, index) => read(entry, `${place}/${index}`));
}

/** The string at `place`. Throws SandboxInputError. */
export function readText(value: unknown, place: string): string {
  if (typeof value !== 'string') throw new SandboxInputError(`${place} must be a string`);
  return value;
}

/** The string at `place`, or undefined where there is none. Throws SandboxInputError. */
export function readOptionalText(value: unknown, place: string): string | undefined {
  return value === undefined ? undefined : readText(value, place);
}
