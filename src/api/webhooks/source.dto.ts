/** What the administration of webhook sources takes. */
import { SCHEMES } from '../../core/webhook-signature.js';
import type { Scheme } from '../../core/webhook-signature.js';
import { targetJsonSchemas } from '../../systems/target.js';
import { Field, OneOf, Text } from '../field.js';
import { OptionalBody } from '../no-input.dto.js';

const NAME = /^[a-z0-9-]{1,64}$/;
const EVENTS_MAX = 100;
const EVENT_CHARACTERS_MAX = 256;
const SUBJECTS_PER_HOUR_DEFAULT = 100;
const SUBJECTS_PER_HOUR_MAX = 1_000_000;

/** True for a name that a source can have. */
export function isSourceName(text: string): boolean {
  return NAME.test(text);
}

function Name(): PropertyDecorator {
  const message = 'must have 1 to 64 characters of a to z, 0 to 9 and -';
  return Field((value) => (typeof value === 'string' && isSourceName(value) ? null : message), {
    type: String,
    minLength: 1,
    maxLength: 64,
    description: 'Stands in the URL: `/v1/webhooks/NAME`.',
  });
}

function Events(): PropertyDecorator {
  return Field(eventsProblem, {
    type: String,
    items: { type: 'string' },
    minItems: 1,
    maxItems: EVENTS_MAX,
    description:
      'The events that ask for an erasure, by their exact names; all others are ignored. For `github` a name may go on with a dot and the action.',
  });
}

function eventsProblem(value: unknown): string | null {
  const fits = (event: unknown): boolean =>
    typeof event === 'string' && event.trim() !== '' && event.length <= EVENT_CHARACTERS_MAX && !event.includes('\0');
  return Array.isArray(value) && value.length > 0 && value.length <= EVENTS_MAX && value.every(fits)
    ? null
    : `must be a list of 1 to ${EVENTS_MAX} names of events: there is no "all"`;
}

function SubjectsPerHour(optional: boolean): PropertyDecorator {
  const fits = (value: unknown): boolean =>
    typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= SUBJECTS_PER_HOUR_MAX;
  return Field(
    (value) => (fits(value) ? null : `must be a whole number from 1 to ${SUBJECTS_PER_HOUR_MAX}`),
    {
      type: 'integer',
      minimum: 1,
      maximum: SUBJECTS_PER_HOUR_MAX,
      ...(optional ? { default: SUBJECTS_PER_HOUR_DEFAULT } : {}),
      description: 'Beyond so many different subjects in an hour, requests are held.',
    },
    { optional },
  );
}

/** Templates are read by the mapping itself, with a pointer to what is wrong; here only that they are a list. */
function TargetTemplates(): PropertyDecorator {
  return Field(
    (value) => (Array.isArray(value) ? null : 'must be a list of targets'),
    {
      type: String,
      minItems: 1,
      items: { type: 'object', description: `A target of ${[...targetJsonSchemas().keys()].join(', ')}.` },
      description:
        'Targets whose values may hold `{{/pointer}}` into the payload; left out: the subject directory. A string that is nothing but one pointer, in a field that is a list, takes an array of strings.',
    },
    { optional: true },
  );
}

export class NewSourceDto {
  @Name()
  name!: string;

  @OneOf(SCHEMES)
  scheme!: Scheme;

  /** Made, and shown this once, when left out. */
  @Text(256, { optional: true })
  secret?: string;

  @Events()
  events!: string[];

  /** Where the payload says whom it is about: text with `{{/pointer}}` in it. */
  @Text(1024)
  subjectRef!: string;

  @TargetTemplates()
  targets?: unknown;

  @SubjectsPerHour(true)
  subjectsPerHour?: number;
}

export class ChangeSourceDto {
  @SubjectsPerHour(false)
  subjectsPerHour!: number;
}

export class NewSecretDto extends OptionalBody {
  /** Made, and shown this once, when left out. */
  @Text(256, { optional: true })
  secret?: string;
}

/** The volume of a source that names none. */
export const DEFAULT_VOLUME = SUBJECTS_PER_HOUR_DEFAULT;
