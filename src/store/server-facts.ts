/** What a service must know of its Postgres server before it trusts it with anything. */
import type { Statement, Transaction } from './database.js';

/** Times of one look at the server's clock are compared; the quickest of them says the most. */
const CLOCK_LOOKS = 3;

const READ_FACTS: Statement = {
  name: 'server-facts',
  text: `select current_setting('fsync') = 'on' as fsync, current_setting('full_page_writes') = 'on' as "fullPageWrites",
    pg_is_in_recovery() or current_setting('default_transaction_read_only') = 'on' as "readOnly"`,
};
const READ_CLOCK: Statement = {
  name: 'server-clock',
  text: 'select (extract(epoch from clock_timestamp()) * 1000)::float8 as "nowMs"',
};

export interface ServerFacts {
  /** Whether a commit is on the disk when it is answered, and whether the files survive a power cut. */
  readonly fsync: boolean;
  readonly fullPageWrites: boolean;
  /** A standby, or a database that takes no writes. */
  readonly readOnly: boolean;
}

/** The server's settings. Throws when it does not answer. */
export async function readServerFacts(reader: Pick<Transaction, 'rows'>): Promise<ServerFacts> {
  const row = (await reader.rows<ServerFacts>(READ_FACTS))[0];
  if (!row) throw new Error('the server gave no settings');
  return row;
}

/**
 * How far the database's clock is ahead of `nowMs` (negative: behind), in milliseconds, for certain: what the way there
 * and back took is left out, so a slow network never makes an offset of its own.
 */
export async function clockOffset(reader: Pick<Transaction, 'rows'>, nowMs: () => number): Promise<number> {
  const looks: { readonly offsetMs: number; readonly wayMs: number }[] = [];
  for (let look = 0; look < CLOCK_LOOKS; look += 1) {
    const beforeMs = nowMs();
    const row = (await reader.rows<{ nowMs: number }>(READ_CLOCK))[0];
    if (!row) throw new Error('the server gave no time');
    const wayMs = Math.max(nowMs() - beforeMs, 0);
    looks.push({ offsetMs: row.nowMs - (beforeMs + wayMs / 2), wayMs });
  }
  const [best] = looks.sort((a, b) => a.wayMs - b.wayMs);
  if (!best) throw new Error('the clock was never looked at');
  return Math.sign(best.offsetMs) * Math.max(Math.abs(best.offsetMs) - best.wayMs / 2, 0);
}
