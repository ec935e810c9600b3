/** Reading a submitted target against the shapes of its system. Nothing that no provider documents gets through. */
import { isWellFormed } from '../core/json.js';
import { systemNamed, SYSTEMS } from './registry.js';
import type { Scope, System, TargetField } from './system.js';

/** Characters of an ID, organization, document, location, user or tag. */
const VALUE_CHARACTERS_MAX = 1024;

/** A target as the service works with it: who and where, and what is asked there. Lists are free of repetitions. */
export interface ReadTarget {
  readonly system: string;
  readonly scope: Scope;
  readonly ids: readonly string[];
  /** Values that each select (container tags). */
  readonly selectors: readonly string[];
  /** True when the target names neither: then the scope itself selects. */
  readonly selectsScope: boolean;
}

export interface TargetProblem {
  /** JSON Pointer within the target. */
  readonly path: string;
  readonly message: string;
}

export type TargetReading =
  | { readonly ok: true; readonly target: ReadTarget }
  | { readonly ok: false; readonly problems: readonly TargetProblem[] };

/** Reads one entry of `targets`, of any type. Every problem is reported, none echoes a value. */
export function readTarget(value: unknown): TargetReading {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refused('', 'must be an object');
  const fields = new Map<string, unknown>(Object.entries(value));
  const name = fields.get('system');
  const system = typeof name === 'string' ? systemNamed(name) : undefined;
  if (!system) return refused('/system', `must be one of ${SYSTEMS.map((known) => known.name).join(', ')}`);
  const problems = [...unknownFields(system, fields), ...exclusions(system, fields)];
  const scope: Record<string, string | readonly string[]> = {};
  const ids: string[] = [];
  const selectors: string[] = [];
  for (const field of system.target.fields) {
    const given = fields.get(field.name);
    if (given === undefined) {
      if (field.required) problems.push({ path: `/${field.name}`, message: 'is required' });
      continue;
    }
    if (field.holds === 'string') {
      const message = valueProblem(given);
      if (message === null && typeof given === 'string') scope[field.name] = given;
      else problems.push({ path: `/${field.name}`, message: message ?? 'must be a string' });
      continue;
    }
    const list = readList(field, given, problems);
    if (field.holds === 'ids') ids.push(...list);
    else if (field.holds === 'selectors') selectors.push(...list);
    else scope[field.name] = [...list].sort();
  }
  if (problems.length > 0) return { ok: false, problems };
  const selectsScope = ids.length === 0 && selectors.length === 0;
  return { ok: true, target: { system: system.name, scope, ids, selectors, selectsScope } };
}

/** How many values a target names, filters included: what the limit of a request body counts. */
export function countIds(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce(
    (sum: number, field: unknown) => sum + (Array.isArray(field) ? field.length : 0),
    0,
  );
}

function unknownFields(system: System, fields: ReadonlyMap<string, unknown>): TargetProblem[] {
  const known = new Set(['system', ...system.target.fields.map((field) => field.name)]);
  return [...fields.keys()]
    .filter((name) => !known.has(name))
    .map((name) => ({ path: `/${pointer(name)}`, message: `is no field of a ${system.name} target` }));
}

function exclusions(system: System, fields: ReadonlyMap<string, unknown>): TargetProblem[] {
  const problems: TargetProblem[] = [];
  for (const names of system.target.atMostOneOf) {
    const given = names.filter((name) => fields.has(name));
    if (given.length > 1)
      problems.push({ path: `/${given[1] ?? ''}`, message: `cannot stand beside ${given[0] ?? ''}` });
  }
  for (const names of system.target.exactlyOneOf) {
    const given = names.filter((name) => fields.has(name));
    if (given.length > 1)
      problems.push({ path: `/${given[1] ?? ''}`, message: `cannot stand beside ${given[0] ?? ''}` });
    if (given.length === 0)
      problems.push({ path: `/${names[0] ?? ''}`, message: `one of ${names.join(', ')} is required` });
  }
  return problems;
}

/** An empty list would widen the deletion at the provider, so a list that is present is not empty. */
function readList(field: TargetField, given: unknown, problems: TargetProblem[]): readonly string[] {
  if (!Array.isArray(given)) {
    problems.push({ path: `/${field.name}`, message: 'must be a list of strings' });
    return [];
  }
  const values: readonly unknown[] = given;
  if (values.length === 0) problems.push({ path: `/${field.name}`, message: 'must not be empty' });
  const kept = new Set<string>();
  for (const [index, value] of values.entries()) {
    const message = valueProblem(value);
    if (message !== null) problems.push({ path: `/${field.name}/${index}`, message });
    else if (typeof value === 'string') kept.add(value);
  }
  return [...kept];
}

function valueProblem(value: unknown): string | null {
  if (typeof value !== 'string') return 'must be a string';
  if (value.length === 0) return 'must not be empty';
  if (value.length > VALUE_CHARACTERS_MAX && [...value].length > VALUE_CHARACTERS_MAX)
    return `must have at most ${VALUE_CHARACTERS_MAX} characters`;
  if (value.includes('\0')) return 'must not contain the NUL character';
  if (!isWellFormed(value)) return 'must be well-formed Unicode, without lone surrogates';
  return null;
}

function refused(path: string, message: string): TargetReading {
  return { ok: false, problems: [{ path, message }] };
}

function pointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** JSON Schemas (2020-12, as OpenAPI 3.1 uses it) of the targets that each system takes, by system name. */
export function targetJsonSchemas(): ReadonlyMap<string, object> {
  return new Map(SYSTEMS.map((system) => [system.name, targetJsonSchema(system)]));
}

function targetJsonSchema(system: System): object {
  const text = { type: 'string', minLength: 1, maxLength: VALUE_CHARACTERS_MAX };
  const properties: Record<string, object> = { system: { type: 'string', const: system.name } };
  for (const field of system.target.fields) {
    properties[field.name] =
      field.holds === 'string'
        ? { ...text, description: field.description }
        : { type: 'array', minItems: 1, items: text, description: field.description };
  }
  const both = system.target.atMostOneOf.map((names) => ({ not: { required: [...names] } }));
  const one = system.target.exactlyOneOf.map((names) => ({ oneOf: names.map((name) => ({ required: [name] })) }));
  return {
    type: 'object',
    title: system.title,
    description: system.target.description,
    properties,
    required: ['system', ...system.target.fields.filter((field) => field.required).map((field) => field.name)],
    additionalProperties: false,
    ...(both.length + one.length > 0 ? { allOf: [...both, ...one] } : {}),
  };
}
