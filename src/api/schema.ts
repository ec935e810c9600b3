/** The words in which answers are described: JSON Schema 2020-12, as OpenAPI 3.1 uses it. */
import { SYSTEMS } from '../systems/registry.js';

export type Schema = Readonly<Record<string, unknown>>;

export const id = { type: 'string', format: 'uuid' };
export const text = { type: 'string' };
export const count = { type: 'integer', minimum: 0 };
export const time = { type: 'string', format: 'date-time' };
export const systemName = { type: 'string', enum: SYSTEMS.map((system) => system.name) };
export const nullable = (schema: { readonly type: string }): Schema => ({ ...schema, type: [schema.type, 'null'] });
export const listOf = (items: Schema): Schema => ({ type: 'array', items });
export const refTo = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
export const counts = (names: readonly string[]): Schema =>
  object(Object.fromEntries(names.map((name) => [name, count])));
export const pageOf = (name: string): Schema => object({ data: listOf(refTo(name)), nextCursor: nullable(text) });

/** An object of which every member listed is always there; answers may grow further ones. */
export function object(properties: Readonly<Record<string, Schema>>, description?: string): Schema {
  return {
    type: 'object',
    properties,
    required: Object.keys(properties),
    ...(description === undefined ? {} : { description }),
  };
}
