/**
 * I8: of each stream the chain is whole, each change of state has its event in the same transaction, all signed heads are of
 * one log, and what was given out verifies without us. Recomputed from the rows with code of the suite's own; only the
 * bundles are put before the service's verifier, since it is what an auditor has.
 */
import { verifyBundle } from '../../src/verify.js';
import { checkEvents } from './check-events.js';
import { checkExports } from './check-exports.js';
import type { EventRow, Evidence, LedgerRecord } from './evidence.js';
import { hashOfLeaf, readSigned, rootOver } from './signed-tree.js';

/** An event says when it was written, and is committed a little later. */
const COMMITTED_MS = 1_000;

/** A line for everything that an auditor would stumble over. */
export function checkLedger(evidence: Evidence): string[] {
  const { ledger } = evidence;
  return [
    ...wholeChains(ledger.events),
    ...everyEventHasOnePlace(ledger),
    ...oneLog(ledger),
    ...checkEvents(evidence),
    ...bundlesVerify(evidence),
    ...checkExports(evidence),
  ];
}

/** Of each stream: events 1 to n, each naming the hash of the one before, in bytes that are those that were hashed. */
function wholeChains(events: readonly EventRow[]): string[] {
  const lines: string[] = [];
  const last = new Map<string, EventRow>();
  for (const event of events.toSorted((a, b) => a.seq - b.seq)) {
    const name = nameOf(event);
    const before = last.get(event.stream);
    last.set(event.stream, event);
    const { stream, seq, prev } = JSON.parse(event.body) as { stream: string; seq: number; prev: string | null };
    if (hashOfLeaf(event.body) !== event.hash) lines.push(`${name} is not what was hashed`);
    if (stream !== event.stream || seq !== event.seq) lines.push(`${name} says that it is ${seq} of ${stream}`);
    if (event.seq !== (before?.seq ?? 0) + 1) lines.push(`${name} comes after ${before?.seq ?? 'nothing'}`);
    if (prev !== (before?.hash ?? null)) lines.push(`${name} does not name the one before it`);
  }
  return lines;
}

/** Places 0 to n without a gap, those of a stream in its order; and nothing was left out once bundles had been sealed. */
function everyEventHasOnePlace({ events, bundles }: LedgerRecord): string[] {
  const lines: string[] = [];
  const last = new Map<string, EventRow>();
  const sealed = sealedOf(events);
  for (const [at, event] of sealed.entries()) {
    const before = last.get(event.stream);
    last.set(event.stream, event);
    if (event.leafIndex !== at) lines.push(`${nameOf(event)} stands at ${event.leafIndex} and not at ${at}`);
    if (before !== undefined && before.seq > event.seq) lines.push(`${nameOf(event)} stands behind ${before.seq}`);
  }
  const given = bundles.map(({ requestId }) => last.get(requestId)).flatMap((event) => (event ? [atOf(event)] : []));
  const sealedAtMs = Math.max(...given) - COMMITTED_MS;
  for (const event of events.filter(({ leafIndex }) => leafIndex === null)) {
    if (atOf(event) < sealedAtMs) lines.push(`${nameOf(event)} was not sealed with what came after it`);
  }
  return lines;
}

/** Every head, stored or given out, is signed and is the root of the first leaves of the one tree. */
function oneLog({ events, checkpoints, verifierKey, givenOut }: LedgerRecord): string[] {
  const leaves = sealedOf(events).map(({ hash }) => hash);
  const lines: string[] = [];
  const judge = (what: string, note: string): ReturnType<typeof readSigned> => {
    const head = readSigned(note, verifierKey);
    if (head === null) lines.push(`${what} is not signed by the key of this ledger`);
    else if (head.size > leaves.length) lines.push(`${what} has ${head.size} events, and there are ${leaves.length}`);
    else if (rootOver(leaves.slice(0, head.size)) !== head.root) lines.push(`${what} has another root than its events`);
    return head;
  };
  for (const { size, root, note } of checkpoints) {
    const head = judge(`the checkpoint of ${size} events`, note);
    if (head !== null && (head.size !== size || head.root !== root))
      lines.push(`the checkpoint of ${size} events says something else than its row`);
  }
  for (const note of new Set(givenOut)) judge(`a checkpoint that was given out (${note.split('\n')[1]} events)`, note);
  const newest = Math.max(...checkpoints.map(({ size }) => size));
  if (newest !== leaves.length)
    lines.push(`the newest checkpoint is of ${newest} events, and ${leaves.length} are placed`);
  return lines;
}

/** With the suite's own key, and a checkpoint that it has kept from the run. */
function bundlesVerify({ ledger, requests }: Evidence): string[] {
  const { bundles, verifierKey, givenOut } = ledger;
  const settled = requests.filter(({ settledMs }) => settledMs !== null);
  const lines = settled.length > 0 && bundles.length === 0 ? ['no settled request has evidence'] : [];
  for (const { requestId, text } of bundles) {
    try {
      verifyBundle(text, verifierKey, givenOut.at(0) ?? null);
    } catch (error) {
      lines.push(`the evidence of ${requestId}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return lines;
}

function sealedOf(events: readonly EventRow[]): EventRow[] {
  return events
    .filter(({ leafIndex }) => leafIndex !== null)
    .toSorted((a, b) => (a.leafIndex ?? 0) - (b.leafIndex ?? 0));
}

function atOf({ body }: EventRow): number {
  return Date.parse((JSON.parse(body) as { at: string }).at);
}

function nameOf({ stream, seq }: EventRow): string {
  return `event ${seq} of ${stream}`;
}
