/** The counts that processes share of how often something was done, each in its own window of time. */
import type { Database, Statement } from './database.js';

export interface CountedHits {
  readonly key: string;
  readonly hits: number;
  readonly lengthMs: number;
}

export interface SharedCount {
  readonly key: string;
  /** In the window that runs now, over all processes. */
  readonly hits: number;
  /** Until that window ends, by the database's clock. */
  readonly leftMs: number;
}

/** In the order of their keys, so that two processes never wait for each other. */
const ADD_HITS: Statement = {
  name: 'add-hits',
  text: `insert into rate_window as w (key, hits, ends_at)
    select k, h, now() + l * interval '1 millisecond' from unnest($1::text[], $2::int[], $3::int[]) as h (k, h, l) order by k
    on conflict (key) do update set
      hits = case when w.ends_at <= now() then excluded.hits else w.hits + excluded.hits end,
      ends_at = case when w.ends_at <= now() then excluded.ends_at else w.ends_at end
    returning key, hits, extract(epoch from ends_at - now())::float8 * 1000 as "leftMs"`,
};

/** Adds hits to their windows, beginning new ones where the old are over, and gives what stands there now. */
export async function addHits(database: Database, counted: readonly CountedHits[]): Promise<SharedCount[]> {
  return database.rows<SharedCount>(ADD_HITS, [
    counted.map((one) => one.key),
    counted.map((one) => one.hits),
    counted.map((one) => one.lengthMs),
  ]);
}

/** Those that somebody just begins anew are left to them. */
const DROP_ENDED: Statement = {
  name: 'drop-ended-windows',
  text: `delete from rate_window where key in (
    select key from rate_window where ends_at < now() - interval '1 minute' for update skip locked)`,
};

/** Drops the windows that are long over. */
export async function dropEndedWindows(database: Database): Promise<void> {
  await database.rows(DROP_ENDED);
}
