/** How requests are listed and searched. */
import { Type } from 'class-transformer';
import { ValidateNested } from 'class-validator';
import { STATUSES } from '../core/request.js';
import type { Status } from '../core/request.js';
import { Cursor, Flag, Nested, OneOf, Text, Timestamp } from './field.js';
import { FlagParameter, Limit, LimitParameter } from './page.js';
import { SubjectDto } from './submit-request.dto.js';

export class ListRequestsQuery {
  @OneOf(STATUSES, { optional: true })
  status?: Status;

  /** `api`, `import` or `webhook:NAME`. */
  @Text(256, { optional: true })
  source?: string;

  /** Only requests due before this time. */
  @Timestamp({ optional: true })
  dueBefore?: string;

  /** Only requests that are, or are not, unsettled after their due date. */
  @FlagParameter()
  overdue?: boolean;

  /** Only requests that are, or are not, unsettled and due soon. */
  @FlagParameter()
  dueSoon?: boolean;

  @LimitParameter()
  limit?: number;

  @Cursor({ optional: true })
  cursor?: string;
}

/** The same filters as a body, and the subject: a person's reference never stands in a URL. */
export class SearchRequestsDto {
  @Nested(() => SubjectDto, { optional: true })
  @ValidateNested()
  @Type(() => SubjectDto)
  subject?: SubjectDto;

  @OneOf(STATUSES, { optional: true })
  status?: Status;

  /** `api`, `import` or `webhook:NAME`. */
  @Text(256, { optional: true })
  source?: string;

  /** Only requests due before this time. */
  @Timestamp({ optional: true })
  dueBefore?: string;

  /** Only requests that are, or are not, unsettled after their due date. */
  @Flag({ optional: true })
  overdue?: boolean;

  /** Only requests that are, or are not, unsettled and due soon. */
  @Flag({ optional: true })
  dueSoon?: boolean;

  @Limit()
  limit?: number;

  @Cursor({ optional: true, nullable: true })
  cursor?: string | null;
}
