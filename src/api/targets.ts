/** The `targets` of a submitted body: read as a whole, once, however many IDs they name. */
import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { ValidateBy } from 'class-validator';
import { countIds, readTarget, targetJsonSchemas } from '../systems/target.js';
import type { ReadTarget } from '../systems/target.js';
import { Problem } from './problem.js';
import type { InputError } from './problem.js';

const IDS_MAX = 100_000;

export type TargetsReading =
  | { readonly ok: true; readonly targets: readonly ReadTarget[] }
  | { readonly ok: false; readonly errors: readonly InputError[] };

/** What was read of a list, so that the pipe, its error texts and the controller do the work once together. */
const READ = new WeakMap<object, TargetsReading>();

/** The rule for `targets`. Its errors, with their pointers, are those of `readTargets`. */
export function Targets(rules: { readonly optional: boolean; readonly description: string }): PropertyDecorator {
  return applyDecorators(
    ValidateBy({
      name: 'targets',
      validator: {
        validate: (value: unknown) => (rules.optional && value === undefined) || readTargets(value).ok,
      },
    }),
    ApiProperty({
      type: 'array',
      required: !rules.optional,
      minItems: 1,
      items: { oneOf: [...targetJsonSchemas().values()] },
      description: rules.description,
    }),
  );
}

/**
 * Reads `targets`, of any type; errors point into the list ("/2/ids/0"). Throws a Problem 413 when they name more
 * values than one request may.
 */
export function readTargets(value: unknown): TargetsReading {
  if (!Array.isArray(value)) return { ok: false, errors: [{ path: '', message: 'must be a list of targets' }] };
  const known = READ.get(value);
  if (known) return known;
  const reading = read(value);
  READ.set(value, reading);
  return reading;
}

function read(list: readonly unknown[]): TargetsReading {
  if (list.length === 0) return { ok: false, errors: [{ path: '', message: 'must not be empty' }] };
  if (list.length > IDS_MAX || list.reduce((sum: number, entry) => sum + countIds(entry), 0) > IDS_MAX) {
    throw new Problem('too_many_ids', `One request names at most ${IDS_MAX} IDs.`);
  }
  const targets: ReadTarget[] = [];
  const errors: InputError[] = [];
  for (const [index, entry] of list.entries()) {
    const reading = readTarget(entry);
    if (reading.ok) targets.push(reading.target);
    else for (const { path, message } of reading.problems) errors.push({ path: `/${index}${path}`, message });
  }
  return errors.length > 0 ? { ok: false, errors } : { ok: true, targets };
}
