/** Pages by keyset: how many, and after which. */
import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { Field } from './field.js';
import { Problem } from './problem.js';

const LIMIT_MAX = 200;
const LIMIT_DEFAULT = 50;
const LIMIT_MESSAGE = `must be a whole number from 1 to ${LIMIT_MAX}`;
const LIMIT_SCHEMA = { type: 'integer', minimum: 1, maximum: LIMIT_MAX, default: LIMIT_DEFAULT } as const;

export interface Page {
  readonly limit: number;
  readonly cursor: string | null;
}

/** A limit as a JSON number. */
export function Limit(): PropertyDecorator {
  return Field(limitProblem, LIMIT_SCHEMA, { optional: true });
}

/** A limit as the digits of a query parameter, read into a number. */
export function LimitParameter(): PropertyDecorator {
  return applyDecorators(
    Transform(({ value }: { value: unknown }) =>
      typeof value === 'string' && /^[1-9]\d{0,2}$/.test(value) ? Number(value) : value,
    ),
    Limit(),
  );
}

/** A query parameter that is `true` or `false`, read into a boolean. */
export function FlagParameter(): PropertyDecorator {
  return applyDecorators(
    Transform(({ value }: { value: unknown }) => (value === 'true' ? true : value === 'false' ? false : value)),
    Field(
      (value) => (typeof value === 'boolean' ? null : 'must be true or false'),
      { type: Boolean },
      { optional: true },
    ),
  );
}

export function pageOf(asked: { limit?: number; cursor?: string | null }): Page {
  return { limit: asked.limit ?? LIMIT_DEFAULT, cursor: asked.cursor ?? null };
}

/** The page, or the Problem when the store did not make that cursor. */
export function pageOr<T extends object>(found: T | 'bad_cursor'): T {
  if (found !== 'bad_cursor') return found;
  throw new Problem('invalid_input', 'The input has errors.', {
    errors: [{ path: '/cursor', message: 'is not a cursor that this list gave' }],
  });
}

function limitProblem(value: unknown): string | null {
  const fits = typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= LIMIT_MAX;
  return fits ? null : LIMIT_MESSAGE;
}
