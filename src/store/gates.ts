/** The gates as rows. What opens and closes them is decided in core/gate.ts. */
import type { Gate, GateReason } from '../core/gate.js';
import type { Statement, Transaction } from './database.js';

export interface GateRow {
  readonly system: string;
  readonly gate: Gate;
  readonly credentialsDigest: Buffer | null;
  /** The database's clock when the row was read, epoch milliseconds. */
  readonly nowMs: number;
}

interface RawGate {
  readonly nowMs: number;
  readonly system: string;
  readonly reason: GateReason | null;
  readonly sinceMs: number | null;
  readonly untilMs: number | null;
  readonly probeDelayMs: number;
  readonly silent: string[];
  readonly loneRefused: string[];
  readonly credentialsDigest: Buffer | null;
}

const COLUMNS = `system, reason, (extract(epoch from since) * 1000)::float8 as "sinceMs",
  (extract(epoch from until) * 1000)::float8 as "untilMs", probe_delay_ms as "probeDelayMs", silent,
  lone_refused as "loneRefused", credentials_digest as "credentialsDigest",
  (extract(epoch from clock_timestamp()) * 1000)::float8 as "nowMs"`;
const READ_GATES: Statement = { name: 'read-gates', text: `select ${COLUMNS} from gate` };
const LOCK_GATES: Statement = {
  name: 'lock-gates',
  text: `select ${COLUMNS} from gate where provider = $1 order by system for update`,
};
const SAVE_GATE: Statement = {
  name: 'save-gate',
  text: `update gate set reason = $2, since = to_timestamp($3::float8 / 1000), until = to_timestamp($4::float8 / 1000),
    probe_delay_ms = $5, silent = $6, lone_refused = $7, credentials_digest = $8 where system = $1`,
};
const ENSURE_GATES: Statement = {
  name: 'ensure-gates',
  text: 'insert into gate (system, provider) select * from unnest($1::text[], $2::text[]) on conflict do nothing',
};

/** Makes a row, open, for every system that has none yet. */
export async function ensureGates(
  reader: Pick<Transaction, 'rows'>,
  systems: readonly { readonly name: string; readonly provider: string }[],
): Promise<void> {
  await reader.rows(ENSURE_GATES, [systems.map((system) => system.name), systems.map((system) => system.provider)]);
}

/** All gates, by system. */
export async function readGates(reader: Pick<Transaction, 'rows'>): Promise<ReadonlyMap<string, GateRow>> {
  return byName(await reader.rows<RawGate>(READ_GATES));
}

/** The gates of a provider, locked until the transaction ends. Taken before any request is locked. */
export async function lockGates(tx: Transaction, provider: string): Promise<ReadonlyMap<string, GateRow>> {
  return byName(await tx.rows<RawGate>(LOCK_GATES, [provider]));
}

export async function saveGate(tx: Transaction, row: GateRow): Promise<void> {
  const { gate } = row;
  await tx.run(SAVE_GATE, [
    row.system,
    gate.reason,
    gate.sinceMs,
    gate.untilMs,
    Math.round(gate.probeDelayMs),
    gate.silent,
    gate.loneRefused,
    row.credentialsDigest,
  ]);
}

function byName(rows: readonly RawGate[]): ReadonlyMap<string, GateRow> {
  return new Map(
    rows.map(({ system, credentialsDigest, nowMs, ...gate }) => [system, { system, gate, credentialsDigest, nowMs }]),
  );
}
