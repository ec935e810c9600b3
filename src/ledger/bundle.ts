/** A request's evidence bundle: canonical JSON, written piece by piece however many events it holds. docs/evidence.md. */
import { canonicalJson } from '../core/canonical.js';
import { consistencyProof, inclusionProof } from '../core/merkle.js';
import { edgePlaces, pathPlaces, Tiles } from '../core/tiles.js';
import type { TilePlace } from '../core/tiles.js';
import type { Database } from '../store/database.js';
import { readStream } from '../store/ledger-events.js';
import type { StoredEvent } from '../store/ledger-events.js';
import { publishHead, readPublished, readTiles, readVerifierKeys } from '../store/ledger-tree.js';
import { LedgerBroken } from './seal.js';

const FORMAT = 'expunge-evidence/1';
/** Events whose proofs are made together. */
const PAGE_EVENTS = 500;
/** Checkpoints given out before, with whose trees the bundle proves that its own begins. */
const EARLIER_MAX = 500;

/**
 * The bundle over a request's events up to `lastSeq`, all of them sealed. `disclosure` gives the pieces of the separable
 * part, or none; `since` is the size of a checkpoint that the reader holds, or null.
 * @throws {LedgerBroken} when the record does not give what was signed
 */
export async function* bundleText(
  database: Database,
  requestId: string,
  lastSeq: number,
  disclosure: AsyncIterable<string>,
  since: number | null,
): AsyncGenerator<string> {
  const head = await publishHead(database);
  if (head === null) throw new LedgerBroken('the ledger has no checkpoint');
  yield `{"checkpoint":${canonicalJson(head.note)},"consistency":[`;
  const earlier = await readPublished(database, head.size, EARLIER_MAX, since);
  const edge = await readTiles(database, edgePlaces(head.size));
  const before = earlier.flatMap(({ size }) => (size === 0 ? [] : pathPlaces(size - 1, head.size)));
  const grown = new Tiles([...edge, ...(await readTiles(database, distinct(before)))]);
  const proofs = earlier.map(({ size, note }) => {
    const proof = consistencyProof(size, head.size, grown.subtree).map((hash) => hash.toString('base64'));
    return canonicalJson({ checkpoint: note, proof });
  });
  yield `${proofs.join(',')}],`;
  let disclosed = false;
  for await (const piece of disclosure) {
    yield disclosed ? piece : `"disclosure":${piece}`;
    disclosed = true;
  }
  yield `${disclosed ? ',' : ''}"events":[`;
  for (let seq = 0; seq < lastSeq;) {
    const events = await readStream(database, requestId, seq, Math.min(PAGE_EVENTS, lastSeq - seq));
    if (events.length === 0) throw new LedgerBroken(`events of ${requestId} are missing after no. ${seq}`);
    const paths = events.flatMap(({ leafIndex }) => (leafIndex === null ? [] : pathPlaces(leafIndex, head.size)));
    const tiles = new Tiles([...edge, ...(await readTiles(database, distinct(paths)))]);
    const pieces = events.map((event) => eventText(event, head.size, tiles));
    yield (seq === 0 ? '' : ',') + pieces.join(',');
    seq = events.at(-1)?.seq ?? lastSeq;
  }
  const keys = await readVerifierKeys(database);
  yield `],"format":"${FORMAT}","publicKeys":${canonicalJson(keys)},"stream":"${requestId}"}\n`;
}

function eventText({ seq, body, leafIndex }: StoredEvent, size: number, tiles: Tiles): string {
  if (leafIndex === null || leafIndex >= size) throw new LedgerBroken(`event ${seq} has no place in the signed tree`);
  const proof = inclusionProof(leafIndex, size, tiles.subtree).map((hash) => hash.toString('base64'));
  return canonicalJson({ body, leafIndex, proof });
}

/** Each tile once. */
function distinct(places: readonly TilePlace[]): TilePlace[] {
  return [...new Map(places.map((place) => [`${place.level}/${place.no}`, place])).values()];
}
