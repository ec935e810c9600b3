/** The rules that fields of bodies and query parameters follow: each is a check and what the API document says of it. */
import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import type { ApiPropertyOptions } from '@nestjs/swagger';
import { ValidateBy } from 'class-validator';
import { isWellFormed } from '../core/json.js';
import { readTimestamp } from './timestamp.js';

/** What is wrong with a value that is there, or null. Never repeats the value. */
type Check = (value: unknown) => string | null;

/** What the API document says of a field. */
interface FieldSchema {
  readonly type: typeof String | typeof Boolean | 'integer' | (() => new () => object);
  /** Given where the field is a list: what each element is. */
  readonly items?: { readonly type: 'string' | 'object'; readonly description?: string };
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly description?: string;
  readonly format?: string;
  readonly enum?: string[];
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: number;
  readonly nullable?: boolean;
  readonly isArray?: boolean;
}

interface Presence {
  /** The field may be left out; null is a value all the same. */
  readonly optional?: boolean;
}

/** A field that `check` has to let pass. */
export function Field(check: Check, schema: FieldSchema, { optional = false }: Presence = {}): PropertyDecorator {
  const problem: Check = (value) => (value === undefined ? (optional ? null : 'is required') : check(value));
  return applyDecorators(
    ValidateBy({
      name: 'field',
      validator: {
        validate: (value: unknown) => problem(value) === null,
        defaultMessage: (given) => problem(given?.value) ?? '',
      },
    }),
    ApiProperty(described(schema, !optional)),
  );
}

function described({ items, ...schema }: FieldSchema, required: boolean): ApiPropertyOptions {
  return items === undefined ? { ...schema, required } : { ...schema, type: 'array', items: { ...items }, required };
}

/** A text of up to `charactersMax` characters (code points) that any database can hold; not empty unless said so. */
export function Text(charactersMax: number, rules: Presence & { readonly empty?: boolean } = {}): PropertyDecorator {
  const text = textProblem(charactersMax);
  const check: Check = (value) => (rules.empty === true && value === '' ? null : text(value));
  const length = { ...(rules.empty === true ? {} : { minLength: 1 }), maxLength: charactersMax };
  return Field(check, { type: String, ...length }, rules);
}

/** One of a few words. */
export function OneOf(words: readonly string[], presence?: Presence): PropertyDecorator {
  const message = `must be one of ${words.join(', ')}`;
  const check: Check = (value) => (typeof value === 'string' && words.includes(value) ? null : message);
  return Field(check, { type: String, enum: [...words] }, presence);
}

/** A time by RFC 3339 with an offset. */
export function Timestamp(presence?: Presence): PropertyDecorator {
  const check: Check = (value) =>
    typeof value === 'string' && readTimestamp(value) !== null
      ? null
      : 'must be a time by RFC 3339 with an offset, of the years 1970 to 9999';
  return Field(check, { type: String, format: 'date-time' }, presence);
}

/** A JSON boolean. */
export function Flag(presence?: Presence): PropertyDecorator {
  return Field((value) => (typeof value === 'boolean' ? null : 'must be true or false'), { type: Boolean }, presence);
}

/** A nested object, checked by its own class; stands beside ValidateNested and Type. */
export function Nested(type: () => new () => object, presence?: Presence): PropertyDecorator {
  const check: Check = (value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? null : 'must be an object';
  // By this name the API document knows a class that is looked up later.
  return Field(check, { type: () => type() }, presence);
}

/** The text of an opaque cursor, as an earlier page gave it. */
export function Cursor(presence?: Presence & { readonly nullable?: boolean }): PropertyDecorator {
  const text = textProblem(1024);
  const nullable = presence?.nullable === true;
  const check: Check = (value) => (nullable && value === null ? null : text(value));
  return Field(check, { type: String, description: 'The `nextCursor` of the page before.', nullable }, presence);
}

function textProblem(charactersMax: number): Check {
  return (value) => {
    if (typeof value !== 'string') return 'must be a string';
    if (value.length === 0) return 'must not be empty';
    if (value.length > 2 * charactersMax || [...value].length > charactersMax) {
      return `must have at most ${charactersMax} characters`;
    }
    if (value.includes('\0')) return 'must not contain the NUL character';
    return isWellFormed(value) ? null : 'must be well-formed Unicode, without lone surrogates';
  };
}
