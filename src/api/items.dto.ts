/** How items and attempts are listed, and how a person closes an item. */
import { OUTCOMES } from '../core/item.js';
import type { Kind, Outcome } from '../core/item.js';
import { SYSTEMS } from '../systems/registry.js';
import { Cursor, OneOf, Text } from './field.js';
import { LimitParameter } from './page.js';

const SYSTEM_NAMES = SYSTEMS.map((system) => system.name);
const KINDS = ['id', 'selector', 'discovered'] as const satisfies readonly Kind[];
const RESOLUTIONS = ['erased_elsewhere', 'waived'] as const;

export class PageQuery {
  @LimitParameter()
  limit?: number;

  @Cursor({ optional: true })
  cursor?: string;
}

export class ListItemsQuery extends PageQuery {
  @OneOf(SYSTEM_NAMES, { optional: true })
  system?: string;

  @OneOf(OUTCOMES, { optional: true })
  outcome?: Outcome;

  @OneOf(KINDS, { optional: true })
  kind?: Kind;
}

export class ResolveItemDto {
  @OneOf(RESOLUTIONS)
  resolution!: (typeof RESOLUTIONS)[number];

  /** Why, in a person's words. */
  @Text(2000)
  reason!: string;
}
