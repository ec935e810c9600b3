/** What `POST /v1/erasure-requests` takes. */
import { Type } from 'class-transformer';
import { ValidateNested } from 'class-validator';
import { Nested, Text, Timestamp } from './field.js';
import { FlagParameter } from './page.js';
import { Targets } from './targets.js';

export class SubjectDto {
  /** The controller's own reference of the person. */
  @Text(256)
  ref!: string;
}

export class SubmitRequestDto {
  @Nested(() => SubjectDto)
  @ValidateNested()
  @Type(() => SubjectDto)
  subject!: SubjectDto;

  /** When the person asked; at most 5 minutes in the future. Left out: now. */
  @Timestamp({ optional: true })
  receivedAt?: string;

  /** A remark for those who look at it later. */
  @Text(2000, { optional: true, empty: true })
  note?: string;

  @Targets({
    optional: true,
    description: 'What to erase and where; left out, all that the subject directory knows of the subject.',
  })
  targets?: unknown;
}

export class SubmitQuery {
  /** With `true`, answers what would be made; nothing is stored and nothing sent. */
  @FlagParameter()
  dryRun?: boolean;
}
