/**
 * From a payload to a subject and targets, by templates with `{{/pointer}}` in them. Whatever the payload holds, what
 * comes out has exactly the shape that was written down: a value that is not there refuses the whole delivery, since at a
 * provider an empty or missing filter widens the deletion.
 */
import { isJsonArray, isJsonObject, own } from './json.js';
import type { JsonObject, JsonValue } from './json.js';

/** A place in a payload: a JSON Pointer (RFC 6901) that is not empty. */
interface Pointer {
  readonly pointer: string;
  readonly segments: readonly string[];
}

/** Literal text and pointers, in turn. */
type Text = readonly (string | Pointer)[];

type FieldTemplate =
  | { readonly kind: 'text'; readonly text: Text }
  | { readonly kind: 'list'; readonly texts: readonly Text[] }
  /** A list that the payload holds as a whole. */
  | { readonly kind: 'each'; readonly pointer: Pointer };

export interface Mapping {
  readonly subjectRef: Text;
  /** Null: what the subject directory knows. */
  readonly targets: readonly (readonly (readonly [name: string, template: FieldTemplate])[])[] | null;
}

export interface MappingProblem {
  /** JSON Pointer: into the definition when it is read, into the payload when it is filled. */
  readonly path: string;
  readonly message: string;
}

export type MappingReading =
  | { readonly ok: true; readonly mapping: Mapping }
  | { readonly ok: false; readonly problems: readonly MappingProblem[] };

/** Targets as a body of the API would name them, still to be read by their systems. */
export type Filled =
  | { readonly ok: true; readonly subjectRef: string; readonly targets: readonly JsonObject[] | null }
  | { readonly ok: false; readonly problems: readonly MappingProblem[] };

const TEMPLATE_CHARACTERS_MAX = 1024;
const TARGETS_MAX = 50;
/** Characters that nobody sees: a value of nothing else names nobody. */
const BLANK = /^[\s\p{Cc}\p{Cf}]*$/u;

/**
 * Reads a mapping as it is submitted. `listFields` gives the fields of a system that are lists; whether the shapes are
 * documented ones is then told by the sample (`sampleOf`).
 */
export function readMapping(
  definition: { readonly subjectRef: string; readonly targets: unknown },
  listFields: (system: string) => ReadonlySet<string>,
): MappingReading {
  const problems: MappingProblem[] = [];
  const subjectRef = readText(definition.subjectRef, '/subjectRef', problems);
  if (problems.length === 0 && subjectRef.every((part) => typeof part === 'string')) {
    problems.push({ path: '/subjectRef', message: 'must take the subject out of the payload: {{/pointer}}' });
  }
  const targets = definition.targets === null ? null : readTargets(definition.targets, listFields, problems);
  return problems.length > 0 ? { ok: false, problems } : { ok: true, mapping: { subjectRef, targets } };
}

/** What the mapping makes of this payload, or every pointer that finds nothing usable. */
export function fillMapping(mapping: Mapping, payload: JsonObject): Filled {
  const problems = new Map<string, MappingProblem>();
  const refuse = (pointer: Pointer, message: string): void => {
    problems.set(pointer.pointer, { path: pointer.pointer, message });
  };
  const filled = fill(mapping, {
    text: (pointer) => {
      const reading = scalarText(find(payload, pointer.segments));
      if (reading.ok) return reading.text;
      refuse(pointer, reading.message);
      return '';
    },
    list: (pointer) => {
      const reading = listOf(find(payload, pointer.segments));
      if (reading.ok) return reading.list;
      refuse(pointer, reading.message);
      return [];
    },
  });
  return problems.size > 0 ? { ok: false, problems: [...problems.values()] } : { ok: true, ...filled };
}

/** What the mapping makes of a payload in which every pointer finds `x`: by it, shapes are checked beforehand. */
export function sampleOf(mapping: Mapping): {
  readonly subjectRef: string;
  readonly targets: readonly JsonObject[] | null;
} {
  return fill(mapping, { text: () => 'x', list: () => ['x'] });
}

interface Source {
  readonly text: (pointer: Pointer) => string;
  readonly list: (pointer: Pointer) => readonly string[];
}

function fill(
  { subjectRef, targets }: Mapping,
  source: Source,
): { subjectRef: string; targets: readonly JsonObject[] | null } {
  const textOf = (text: Text): string =>
    text.map((part) => (typeof part === 'string' ? part : source.text(part))).join('');
  const valueOf = (template: FieldTemplate): JsonValue => {
    switch (template.kind) {
      case 'text':
        return textOf(template.text);
      case 'list':
        return template.texts.map(textOf);
      case 'each':
        return source.list(template.pointer);
    }
  };
  return {
    subjectRef: textOf(subjectRef),
    targets:
      targets?.map((fields) => Object.fromEntries(fields.map(([name, template]) => [name, valueOf(template)]))) ?? null,
  };
}

type ScalarReading = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string };

function scalarText(value: JsonValue | undefined): ScalarReading {
  if (value === undefined) return { ok: false, message: 'is not in the payload' };
  if (typeof value === 'string') {
    return BLANK.test(value) ? { ok: false, message: 'is empty or blank' } : { ok: true, text: value };
  }
  if (typeof value === 'number') {
    return Number.isSafeInteger(value)
      ? { ok: true, text: String(value) }
      : { ok: false, message: 'is no whole number that can be taken exactly' };
  }
  return { ok: false, message: 'must be a string or a whole number' };
}

function listOf(
  value: JsonValue | undefined,
): { readonly ok: true; readonly list: readonly string[] } | { readonly ok: false; readonly message: string } {
  if (value === undefined) return { ok: false, message: 'is not in the payload' };
  if (!isJsonArray(value)) return { ok: false, message: 'must be a list of strings' };
  if (value.length === 0) return { ok: false, message: 'is empty' };
  const list: string[] = [];
  for (const element of value) {
    const reading = scalarText(element);
    if (!reading.ok) return { ok: false, message: `has an element that ${reading.message}` };
    list.push(reading.text);
  }
  return { ok: true, list };
}

/** The value at a pointer, by own members and elements only. */
function find(payload: JsonObject, segments: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = payload;
  for (const segment of segments) {
    if (isJsonArray(value)) value = /^(0|[1-9]\d{0,8})$/.test(segment) ? value[Number(segment)] : undefined;
    else if (isJsonObject(value)) value = own(value, segment);
    else return undefined;
  }
  return value;
}

function readTargets(
  given: unknown,
  listFields: (system: string) => ReadonlySet<string>,
  problems: MappingProblem[],
): NonNullable<Mapping['targets']> {
  if (!Array.isArray(given) || given.length === 0 || given.length > TARGETS_MAX) {
    problems.push({ path: '/targets', message: `must be a list of 1 to ${TARGETS_MAX} targets` });
    return [];
  }
  const targets: readonly unknown[] = given;
  return targets.map((target, index) => {
    const path = `/targets/${index}`;
    if (typeof target !== 'object' || target === null || Array.isArray(target)) {
      problems.push({ path, message: 'must be an object' });
      return [];
    }
    const fields: readonly (readonly [string, unknown])[] = Object.entries(target);
    const system = fields.find(([name]) => name === 'system')?.[1];
    if (typeof system !== 'string' || system.includes('{{')) {
      problems.push({ path: `${path}/system`, message: 'must be the name of a system: no payload chooses it' });
      return [];
    }
    const lists = listFields(system);
    return fields.map(([name, value]) => {
      const at = `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      return [name, readField(value, at, lists.has(name), problems)] as const;
    });
  });
}

function readField(value: unknown, path: string, isList: boolean, problems: MappingProblem[]): FieldTemplate {
  if (Array.isArray(value)) {
    const values: readonly unknown[] = value;
    return { kind: 'list', texts: values.map((one, index) => readText(one, `${path}/${index}`, problems)) };
  }
  const text = readText(value, path, problems);
  if (!isList) return { kind: 'text', text };
  const [only, ...more] = text;
  if (only !== undefined && typeof only !== 'string' && more.length === 0) return { kind: 'each', pointer: only };
  problems.push({ path, message: 'must be a list, or one {{/pointer}} to a list and nothing else' });
  return { kind: 'list', texts: [] };
}

/** Literal text with `{{/pointer}}` in it. Two braces that do not belong to a pointer are refused, not taken literally. */
function readText(value: unknown, path: string, problems: MappingProblem[]): Text {
  if (typeof value !== 'string' || value.length === 0 || value.length > TEMPLATE_CHARACTERS_MAX) {
    problems.push({ path, message: `must be a string of 1 to ${TEMPLATE_CHARACTERS_MAX} characters` });
    return [];
  }
  const parts = value.split(/\{\{((?:\/(?:[^~/{}]|~[01])*)+)\}\}/);
  const text = parts.flatMap((part, index): (string | Pointer)[] => {
    if (index % 2 === 0) return part === '' ? [] : [part];
    return [{ pointer: part, segments: part.slice(1).split('/').map(unescaped) }];
  });
  if (text.some((part) => typeof part === 'string' && /\{\{|\}\}/.test(part))) {
    problems.push({ path, message: 'has {{ or }} that belong to no JSON Pointer: write {{/path/to/value}}' });
  }
  return text;
}

function unescaped(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~');
}
