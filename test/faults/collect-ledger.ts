/** The ledger of a run: evidence as the API gives it while the service still runs, and then the rows of the database. */
import type { EventRow, LedgerRecord } from './evidence.js';
import { verifierKeyOf } from './signed-tree.js';
import type { Stage } from './stage.js';
import type { Submitter } from './submitter.js';

/** A sample: those with most to tell. */
const BUNDLES_MAX = 3;
const LONGEST = `select r.id from erasure_request r where r.pending = 0
  order by (select count(*) from ledger_event e where e.stream = r.id::text) desc, r.id limit $1`;
const EVENTS = `select e.stream, e.seq, e.body, encode(e.leaf_hash, 'base64') as hash, e.leaf_index::float8 as "leafIndex", w.tx::text
  from ledger_event e left join faults.event_written w on w.stream = e.stream and w.seq = e.seq
  order by e.leaf_index nulls last, e.stream, e.seq`;
const CHECKPOINTS = `select size::float8 as size, encode(root, 'base64') as root, note from ledger_checkpoint order by size`;

/** Evidence of some settled requests. Whatever else the API answers stands in its place: that is no bundle, and will show. */
export async function readBundles(stage: Stage): Promise<LedgerRecord['bundles']> {
  const api = await stage.anApi();
  const bundles: { requestId: string; text: string }[] = [];
  for (const { id: requestId } of await stage.sql<{ id: string }>(LONGEST, [BUNDLES_MAX])) {
    const answer = await api.call('GET', `/v1/erasure-requests/${requestId}/evidence`);
    bundles.push({ requestId, text: answer.text });
  }
  return bundles;
}

export async function readLedger(
  stage: Stage,
  submitter: Submitter,
  bundles: LedgerRecord['bundles'],
): Promise<LedgerRecord> {
  const [ledger] = await stage.sql<{ origin: string }>('select origin from ledger');
  return {
    events: await stage.sql<EventRow>(EVENTS),
    checkpoints: await stage.sql<LedgerRecord['checkpoints'][number]>(CHECKPOINTS),
    verifierKey: verifierKeyOf(stage.signingKey, ledger?.origin ?? ''),
    givenOut: submitter.checkpoints,
    bundles,
    exports: stage.exports,
  };
}
