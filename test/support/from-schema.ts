/** Values out of a JSON Schema as the API document has them: mostly what it allows, now and then anything else. */
import fc from 'fast-check';

export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly oneOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

const STRANGE = [
  '',
  ' ',
  '..',
  '__proto__',
  'constructor',
  'a\0',
  '\ud800',
  "'; drop table item; --",
  '=1+1',
  '\u202e',
];
const text = fc.oneof(
  { weight: 30, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
  { weight: 1, arbitrary: fc.constantFrom(...STRANGE, 'x'.repeat(1025)) },
);
const time = fc.constantFrom('2026-01-31T00:00:00Z', '2025-12-31T23:59:59.999+01:00', '2026-02-30T00:00:00Z', 'today');
/** Whatever JSON can say. */
const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  text,
  fc.constantFrom(1e308, -0, 2 ** 53, Number.MIN_VALUE),
  fc.array(text, { maxLength: 4 }),
);

/** Values of `schema`, whose references lie in `schemas`; about one place in forty holds anything at all instead. */
export function fromSchema(
  schema: JsonSchema,
  schemas: Readonly<Record<string, JsonSchema>>,
  depth = 0,
): fc.Arbitrary<unknown> {
  const fitting = depth > 8 ? anything : fits(schema, schemas, depth);
  return fc.oneof({ weight: 39, arbitrary: fitting }, { weight: 1, arbitrary: anything });
}

function fits(schema: JsonSchema, schemas: Readonly<Record<string, JsonSchema>>, depth: number): fc.Arbitrary<unknown> {
  const inner = (each: JsonSchema): fc.Arbitrary<unknown> => fromSchema(each, schemas, depth + 1);
  if (schema.$ref !== undefined) {
    const found = schemas[schema.$ref.replace('#/components/schemas/', '')];
    if (!found) throw new Error(`${schema.$ref} is not in the document`);
    return fits(found, schemas, depth);
  }
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const choices = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  if (choices !== undefined) return fc.oneof(...choices.map(inner));
  const [type] = [schema.type ?? (schema.properties === undefined ? 'any' : 'object')].flat();
  switch (type ?? 'any') {
    case 'string':
      return schema.format === 'date-time' ? time : text;
    case 'integer':
    case 'number':
      return fc.oneof(fc.integer({ min: -2, max: 300 }), fc.double());
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.oneof(
        { weight: 20, arbitrary: fc.array(inner(schema.items ?? {}), { minLength: 1, maxLength: 4 }) },
        { weight: 1, arbitrary: fc.constant([]) },
      );
    case 'object':
      return membersOf(schema, inner);
    default:
      return anything;
  }
}

/** Members that are listed, some of the others left out, and now and then one that nobody knows. */
function membersOf(schema: JsonSchema, inner: (schema: JsonSchema) => fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const known = Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, each]) => [name, inner(each)]));
  const required = (schema.required ?? []).filter((name) => name in known);
  const listed = fc.record(known, { requiredKeys: required });
  const more = fc.dictionary(fc.oneof(text, fc.constantFrom('status', 'id')), anything, { minKeys: 1, maxKeys: 1 });
  return fc.oneof(
    { weight: 12, arbitrary: listed },
    { weight: 1, arbitrary: fc.tuple(listed, more).map(([some, others]) => ({ ...some, ...others })) },
  );
}
