import { appendEvents } from '../ledger/append.js';
import { bundleText } from '../ledger/bundle.js';
import { disclosureText } from '../ledger/disclosure.js';
import type { Sealer } from '../ledger/seal.js';
import { holdRequest } from '../store/change-items.js';
import { readHeads, readStream } from '../store/ledger-events.js';
import { scopeKey } from './draft-items.js';
import type { Workplace } from './workplace.js';

/** Events looked at that came while a bundle was written. */
const LATER_MAX = 1000;

export type Evidence =
  | { readonly kind: 'not_found' | 'not_settled' }
  /** The bundle, in pieces. */
  | { readonly kind: 'bundle'; readonly pieces: AsyncIterable<string> };

/**
 * The evidence of a settled request, with its personal values unless `disclosed` is false. That it was given out is an
 * event too, the bundle's last: a bundle whose end was cut off shows. Seals what is pending first.
 * @throws {LedgerBroken} when the ledger is not what was signed
 */
export async function exportEvidence(
  workplace: Workplace,
  sealer: Sealer,
  requestId: string,
  how: { readonly actor: string; readonly disclosed: boolean; readonly since: number | null },
): Promise<Evidence> {
  const { database, vault } = workplace;
  const lastSeq = await database.transaction(async (tx) => {
    const request = await holdRequest(tx, requestId);
    if (request === null) return 'not_found';
    if (request.pending > 0) return 'not_settled';
    const data = { kind: 'evidence', disclosed: how.disclosed && !request.shredded };
    await appendEvents(tx, [{ stream: requestId, type: 'exported', actor: how.actor, data }]);
    return (await readHeads(tx, [requestId]))[0]?.seq ?? 0;
  });
  if (typeof lastSeq === 'string') return { kind: lastSeq };
  await sealer.seal();
  const values = how.disclosed ? disclosureText(database, vault, requestId, scopeKey) : nothing();
  const disclosure = unchanged(workplace, requestId, lastSeq, values);
  return { kind: 'bundle', pieces: bundleText(database, requestId, lastSeq, disclosure, how.since) };
}

/**
 * What is disclosed is read after the events were fixed: where the request went on meanwhile the bundle breaks off, rather
 * than hold values that none of its events commits to.
 */
async function* unchanged(
  { database }: Workplace,
  requestId: string,
  lastSeq: number,
  pieces: AsyncIterable<string>,
): AsyncGenerator<string> {
  yield* pieces;
  for (const { body } of await readStream(database, requestId, lastSeq, LATER_MAX)) {
    if (!body.includes('"type":"exported"')) throw new Error('the request changed while its evidence was given out');
  }
}

async function* nothing(): AsyncGenerator<string> {}
