import { Transform } from 'class-transformer';
import { Field } from './field.js';
import { FlagParameter } from './page.js';

export class EvidenceQuery {
  /** False leaves the personal values and their salts out. */
  @FlagParameter()
  disclosure?: boolean;

  /** The size of a checkpoint that the caller holds: the bundle proves that its tree begins with that one. */
  @Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' && /^(0|[1-9]\d{0,14})$/.test(value) ? Number(value) : value,
  )
  @Field(
    (value) => (typeof value === 'number' ? null : 'must be the size of a checkpoint'),
    { type: 'integer', minimum: 0 },
    { optional: true },
  )
  since?: number;
}
