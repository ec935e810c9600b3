/** Reads what a run left behind: Postgres, the API, the sandbox and its ledger, the processes and their logs. */
import type { SandboxSystem } from '../../src/sandbox/routes.js';
import { until } from '../support/until.js';
import type { AttemptRow, Evidence, History, ItemRow, RequestRow } from './evidence.js';
import { readBundles, readLedger } from './collect-ledger.js';
import { CONCURRENCY, TIMINGS } from './stage.js';
import type { Stage } from './stage.js';
import type { Submitter } from './submitter.js';

const MINUTE_MS = 60_000;
const CONNECTIONS_GONE_WITHIN_MS = 10_000;

const REQUESTS = `select id, status, (extract(epoch from settled_at) * 1000)::float8 as "settledMs",
  json_build_object('pending', pending, 'erased', erased, 'already_absent', already_absent, 'nothing_matched', nothing_matched,
    'unconfirmed', unconfirmed, 'failed', failed, 'cancelled', cancelled) as counts from erasure_request`;
const ITEMS = `select request_id as "requestId", id, system, outcome, evidence, attempts, proof_id as "proofId",
  (extract(epoch from settled_at) * 1000)::float8 as "settledMs", (extract(epoch from due_at) * 1000)::float8 as "dueMs" from item`;
const ATTEMPTS = `select a.id, a.batch_id as "batchId", a.epoch, a.system, a.provider, a.verdict, a.late, a.http_status as "httpStatus",
  (extract(epoch from a.started_at) * 1000)::float8 as "startedMs", (extract(epoch from a.ended_at) * 1000)::float8 as "endedMs",
  array(select unnest(p.item_ids) from attempt_part p where p.attempt_id = a.id) as "itemIds"
  from attempt a order by a.started_at`;
const OUTCOMES = `select item_id as "itemId", before, after, proof_id as "proofId", tx::text,
  (extract(epoch from at) * 1000)::float8 as "atMs" from faults.outcome_change order by no`;
const ENDS = `select attempt_id as "attemptId", verdict, epoch, live_epoch as "liveEpoch", tx::text from faults.attempt_end order by no`;
const SETTLINGS = `select request_id as "requestId", (extract(epoch from before) * 1000)::float8 as before,
  (extract(epoch from after) * 1000)::float8 as after, tx::text from faults.settling order by no`;
const RECEIPTS = 'select request_id as "requestId", tx::text from faults.receipt';
const GATES = 'select system, reason, tx::text from faults.gate_change order by no';
/** The bodies' connections, those of the queue too; not our own. */
const CONNECTIONS = `select count(*)::int as n from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid() and application_name <> 'expunge-faults'`;

/** Everything of a run that is quiet. Stops its processes on the way: how they end is evidence too. */
export async function collect(stage: Stage, submitter: Submitter, quietMs: number | null): Promise<Evidence> {
  const items = await readItems(stage, submitter);
  const bundles = await readBundles(stage);
  for (const one of stage.processes.filter((each) => each.runs)) await one.stop();
  const { ledger } = stage.sandbox;
  const [keys] = await stage.sql<{ n: number }>('select count(*)::int as n from idempotency_key');
  return {
    timings: TIMINGS,
    limits: { concurrency: CONCURRENCY, callsPerMinute: stage.options.callsPerMinute ?? null },
    disturbed: stage.disturbed,
    steeredByHand: stage.steeredByHand,
    submitted: submitter.submitted,
    requests: await stage.sql<RequestRow>(REQUESTS),
    items,
    attempts: await stage.sql<AttemptRow>(ATTEMPTS),
    history: await readHistory(stage),
    ledger: await readLedger(stage, submitter, bundles),
    idempotencyKeys: keys?.n ?? -1,
    calls: ledger.calls(),
    maxInFlight: { velt: ledger.maxInFlight('velt'), supermemory: ledger.maxInFlight('supermemory') },
    maxPerMinute: {
      velt: ledger.maxWithin('velt', MINUTE_MS),
      supermemory: ledger.maxWithin('supermemory', MINUTE_MS),
    },
    quietMs,
    processes: stage.processes.map(({ name, role, readyMs, end, endExpected, log }) => {
      const lived = { works: role !== 'api', readyMs, endMs: end?.atMs ?? null };
      return { name, ...lived, code: end?.code ?? null, signal: end?.signal ?? null, expected: endExpected, log };
    }),
    connectionsLeft: await connectionsLeft(stage),
    looks: submitter.looks,
  };
}

async function readHistory(stage: Stage): Promise<History> {
  const begins = await stage.sql<{ id: string }>('select attempt_id as id from faults.attempt_begin order by no');
  return {
    outcomes: await stage.sql<History['outcomes'][number]>(OUTCOMES),
    ends: await stage.sql<History['ends'][number]>(ENDS),
    begins: begins.map(({ id }) => id),
    settlings: await stage.sql<History['settlings'][number]>(SETTLINGS),
    receipts: await stage.sql<History['receipts'][number]>(RECEIPTS),
    gates: await stage.sql<History['gates'][number]>(GATES),
  };
}

async function readItems(stage: Stage, submitter: Submitter): Promise<ItemRow[]> {
  const rows = await stage.sql<Omit<ItemRow, 'externalId' | 'shown' | 'held'>>(ITEMS);
  const api = await stage.anApi();
  const shown = new Map<string, { externalId: string; outcome: string; held: boolean }>();
  for (const id of new Set(submitter.ids)) {
    // A request that was accepted and is not there shows by its items.
    for (const item of await api.items(id).catch(() => [])) {
      const externalId = item.externalId ?? '';
      const held = stage.sandbox.data.exists(item.system as SandboxSystem, item.scope ?? {}, externalId);
      shown.set(item.id, { externalId, outcome: item.outcome, held });
    }
  }
  return rows.map((row) => {
    const said = shown.get(row.id);
    return { ...row, externalId: said?.externalId ?? '', shown: said?.outcome ?? 'nothing', held: said?.held ?? false };
  });
}

/** A killed process leaves its connections to the server to notice; it has a moment for that. */
async function connectionsLeft(stage: Stage): Promise<number> {
  const count = async (): Promise<number> => (await stage.sql<{ n: number }>(CONNECTIONS))[0]?.n ?? -1;
  const none = async (): Promise<0 | undefined> => ((await count()) === 0 ? 0 : undefined);
  return until('the connections to end', none, { withinMs: CONNECTIONS_GONE_WITHIN_MS }).catch(count);
}
