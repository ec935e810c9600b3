/** Watches the gates of an installation, and drives its clock by moving everything that has a time into the past. */
import type { Installation } from '../support/service.js';
import { until } from '../support/until.js';

export const MEMORIES = 'supermemory.documents';
export const COMMENTS = 'velt.comments';
export const DOCUMENTS = 'velt.documents';
export const HOUR_MS = 60 * 60 * 1000;

export interface GateRow {
  readonly reason: string | null;
  readonly untilInMs: number | null;
  readonly delay: number;
}

export async function gate(installation: Installation, system: string): Promise<GateRow> {
  const [row] = await installation.sql<GateRow>(
    `select reason, (extract(epoch from until - now()) * 1000)::float8 as "untilInMs", probe_delay_ms as delay
      from gate where system = $1`,
    [system],
  );
  if (!row) throw new Error(`${system} has no gate`);
  return row;
}

/** The gate once it has closed for this reason. */
export function closed(installation: Installation, system: string, reason: string): Promise<GateRow> {
  return until(`the gate of ${system} to close as ${reason}`, async () => {
    const row = await gate(installation, system);
    return row.reason === reason ? row : undefined;
  });
}

/** Resolves when nothing is handed out or under way. */
export async function quiet(installation: Installation): Promise<void> {
  await until('calls under way to end', async () =>
    (await installation.sql('select from batch')).length === 0 ? true : undefined,
  );
}

/** So much time passes. */
export async function passTime(installation: Installation, ms: number): Promise<void> {
  const past = `- ${ms} * interval '1 millisecond'`;
  await installation.sql(`update gate set since = since ${past}, until = until ${past}`);
  await installation.sql(`update item set due_at = due_at ${past}, unclear_since = unclear_since ${past},
    last_attempt_at = last_attempt_at ${past}, deadline = deadline ${past} where outcome = 'pending'`);
  await installation.sql(`update attempt set started_at = started_at ${past}`);
}

/** A second worker that comes, looks at once, and goes: what is due is handed out without waiting for a tick. */
export async function look(installation: Installation, seen: () => Promise<boolean>): Promise<void> {
  const visitor = await installation.start();
  await until('what is due to be sent', async () => ((await seen()) ? true : undefined));
  await visitor.stop();
}
