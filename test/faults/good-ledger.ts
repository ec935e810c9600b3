/** The ledger of a good run, made of what happened: its events chained, sealed in two rounds, and its bundles as given out. */
import { generateKeyPairSync } from 'node:crypto';
import { canonicalJson } from '../../src/core/canonical.js';
import { signCheckpoint, signerOf } from '../../src/core/checkpoint.js';
import type { JsonObject } from '../../src/core/json.js';
import { consistencyProof, inclusionProof, leafHash, rootOf } from '../../src/core/merkle.js';
import type { Subtrees } from '../../src/core/merkle.js';
import { Tiles } from '../../src/core/tiles.js';
import type { EventRow, LedgerRecord } from './evidence.js';

export interface Happened {
  readonly stream: string;
  readonly type: string;
  readonly data: JsonObject;
  readonly tx: string;
}

const ORIGIN = 'expunge/a-good-run';
const SIGNER = signerOf(
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  ORIGIN,
);

/** The first `early` events were sealed, and their head given out, before the rest happened. */
export function goodLedger(happened: readonly Happened[], early: number, atMs: number): LedgerRecord {
  const last = new Map<string, EventRow>();
  const events = happened.map(({ stream, type, data, tx }, no): EventRow => {
    const before = last.get(stream);
    const seq = (before?.seq ?? 0) + 1;
    const at = new Date(atMs + no * 1000).toISOString();
    const body = canonicalJson({ v: 1, stream, seq, prev: before?.hash ?? null, at, actor: 'service', type, data });
    const event = { stream, seq, body, hash: leafHash(body).toString('base64'), leafIndex: no, tx };
    last.set(stream, event);
    return event;
  });
  const tiles = new Tiles([]);
  tiles.grow(
    0,
    events.map(({ body }) => leafHash(body)),
  );
  const checkpoints = [early, events.length].map((size) => headOf(size, tiles.subtree));
  const streams = [...last].filter(([, { body }]) => body.includes('"type":"exported"')).map(([stream]) => stream);
  return {
    events,
    checkpoints,
    verifierKey: SIGNER.verifierKey,
    givenOut: checkpoints.map(({ note }) => note),
    bundles: streams.map((requestId) => ({ requestId, text: bundleOf(requestId, events, checkpoints, tiles.subtree) })),
    exports: [],
  };
}

/** The signed head of the first `size` events. */
export function headOf(size: number, subtrees: Subtrees): LedgerRecord['checkpoints'][number] {
  const root = rootOf(size, subtrees);
  return { size, root: root.toString('base64'), note: signCheckpoint({ origin: ORIGIN, size, root }, [SIGNER]) };
}

function bundleOf(
  stream: string,
  events: readonly EventRow[],
  [early, head]: LedgerRecord['checkpoints'],
  subtrees: Subtrees,
): string {
  const text = (proof: readonly Buffer[]): string[] => proof.map((hash) => hash.toString('base64'));
  const [from, size] = [early?.size ?? 0, head?.size ?? 0];
  const bundle = {
    format: 'expunge-evidence/1',
    stream,
    checkpoint: head?.note ?? '',
    publicKeys: [SIGNER.verifierKey],
    consistency: [{ checkpoint: early?.note ?? '', proof: text(consistencyProof(from, size, subtrees)) }],
    events: events
      .filter((event) => event.stream === stream)
      .map(({ body, leafIndex }) => ({ body, leafIndex, proof: text(inclusionProof(leafIndex ?? 0, size, subtrees)) })),
  };
  return `${canonicalJson(bundle)}\n`;
}
