/** How reports are asked for. */
import { OneOf, Timestamp } from './field.js';

const FORMATS = ['json', 'csv', 'pdf'] as const;

export class ReportQuery {
  @OneOf(FORMATS, { optional: true })
  format?: (typeof FORMATS)[number];
}

export class SummaryQuery {
  /** Only requests received at or after this time. */
  @Timestamp({ optional: true })
  from?: string;

  /** Only requests received before this time; left out, now. */
  @Timestamp({ optional: true })
  to?: string;
}
