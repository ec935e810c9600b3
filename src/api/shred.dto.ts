import { Flag } from './field.js';
import { OptionalBody } from './no-input.dto.js';

/** What a shredding may be told; all of it may be left out. */
export class ShredDto extends OptionalBody {
  /** Also a request in `attention`: nobody will retry or resolve what is open. */
  @Flag({ optional: true })
  abandon?: boolean;
}
