/** What an audit report counts of one request: its items by outcome, and the calls that carried them. */
import type { CallsRead, ItemsRead } from '../core/report.js';
import type { Statement, Transaction } from './database.js';

const COUNT_ITEMS: Statement = {
  name: 'count-items-of-request',
  text: `select system, kind, outcome, count(*)::float8 as items, count(resolution)::float8 as resolved
    from item where request_id = $1 group by 1, 2, 3 order by 1, 2, 3`,
};
const COUNT_CALLS: Statement = {
  name: 'count-calls-of-request',
  text: `select a.system, a.verdict, count(*)::float8 as calls, min(a.started_at) as "firstAt",
      max(coalesce(a.ended_at, a.started_at)) as "lastAt"
    from attempt_part p join attempt a on a.id = p.attempt_id where p.request_id = $1 group by 1, 2 order by 1, 2`,
};

/** The items of a request, counted in one statement: as they were at one moment. */
export async function countItems(reader: Pick<Transaction, 'rows'>, requestId: string): Promise<ItemsRead[]> {
  return reader.rows<ItemsRead>(COUNT_ITEMS, [requestId]);
}

/** The provider calls that carried items of a request, by system and verdict. */
export async function countCalls(reader: Pick<Transaction, 'rows'>, requestId: string): Promise<CallsRead[]> {
  return reader.rows<CallsRead>(COUNT_CALLS, [requestId]);
}
