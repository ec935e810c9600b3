/** What a period export holds. */
import { OUTCOMES } from '../core/item.js';
import type { Outcome } from '../core/item.js';
import type { ExportFormat } from '../core/period-export.js';
import { SYSTEMS } from '../systems/registry.js';
import { OneOf, Timestamp } from './field.js';

const FORMATS = ['csv', 'ndjson'] as const satisfies readonly ExportFormat[];

export class ExportItemsQuery {
  /** Requests received at this time or later. */
  @Timestamp({ optional: true })
  from?: string;

  /** Requests received before this time. */
  @Timestamp({ optional: true })
  to?: string;

  @OneOf(SYSTEMS.map((system) => system.name), { optional: true })
  system?: string;

  @OneOf(OUTCOMES, { optional: true })
  outcome?: Outcome;

  /** CSV where left out. */
  @OneOf(FORMATS, { optional: true })
  format?: ExportFormat;
}
