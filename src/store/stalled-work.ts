/** What the watchdog looks at: due work that nobody took, leases that nobody gave up. */
import type { Statement, Transaction } from './database.js';
import { FREE } from './due-items.js';

const STANDING: Statement = {
  name: 'standing-of-system',
  text: `select (select count(*)::int from batch where system = $1) as live,
      (select (extract(epoch from clock_timestamp() - min(lease_until)) * 1000)::float8 from batch
        where system = $1 and lease_until < clock_timestamp()) as "overMs",
      (select (extract(epoch from clock_timestamp() - max(started_at)) * 1000)::float8 from attempt
        where provider = $2) as "quietMs"`,
};
const WAITING: Statement = {
  name: 'waiting-item',
  text: `select (extract(epoch from now() - i.due_at) * 1000)::float8 as "waitingMs" from item i
    where i.system = $1 and i.outcome = 'pending' and i.due_at <= now() - $2 * interval '1 millisecond' and ${FREE} limit 1`,
};

export interface Standing {
  /** Live batches of the system. */
  readonly live: number;
  /** How long the oldest lease has been over, or null. */
  readonly overMs: number | null;
  /** How long ago the last call of the provider began, or null when it was never called. */
  readonly quietMs: number | null;
}

/** How the batches of a system stand. */
export async function readStanding(
  reader: Pick<Transaction, 'rows'>,
  system: string,
  provider: string,
): Promise<Standing> {
  const row = (await reader.rows<Standing>(STANDING, [system, provider]))[0];
  if (!row) throw new Error('a look at a system gave no row');
  return row;
}

/** For how long some item has been due that may go, is in no batch, and has been so for at least `leastMs`; or null. */
export async function waitingFor(
  reader: Pick<Transaction, 'rows'>,
  system: string,
  leastMs: number,
  blocked: readonly string[],
): Promise<number | null> {
  return (await reader.rows<{ waitingMs: number }>(WAITING, [system, leastMs, blocked]))[0]?.waitingMs ?? null;
}
