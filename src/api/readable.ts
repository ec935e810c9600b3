/** What a caller gets back after writing: `requests:write` gives no read. */
import { may } from './caller.js';
import type { Caller } from './caller.js';

/** What a key without `requests:read` is told. */
export interface Acknowledgement {
  readonly id: string;
}

/** The resource for a caller who may read it, else its id alone. */
export function afterWriting<R extends Acknowledgement>(caller: Caller, resource: R): R | Acknowledgement {
  return may(caller, 'requests:read') ? resource : { id: resource.id };
}
