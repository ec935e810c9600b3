/** Many requests out of one file: each is stored by itself, and once, however often the file comes. */
import { canonicalJson } from '../core/canonical.js';
import type { JsonObject } from '../core/json.js';
import type { ReadTarget } from '../systems/target.js';
import { weightOf } from './intake.js';
import type { Intake } from './intake.js';
import type { Submission } from './store-requests.js';
import type { Submitted } from './submit-request.js';

/** What is wrong with a line, in the words of a problem. */
export interface ImportProblem {
  readonly slug: string;
  readonly detail: string;
  readonly errors: readonly { readonly path: string; readonly message: string }[];
}

/** What a file says, a request or a line that makes none. */
export type ImportEntry =
  | {
      readonly kind: 'submission';
      /** Its first line, from 1. */
      readonly line: number;
      readonly submission: Submission;
      /** Hex SHA-256 of the file up to and including its last line: by this the same file makes nothing twice. */
      readonly fileDigest: string;
    }
  | { readonly kind: 'refused'; readonly line: number; readonly problem: ImportProblem };

export type Imported =
  /** `replayed`: made by an earlier import of the same file. */
  | { readonly line: number; readonly id: string; readonly replayed?: true }
  | { readonly line: number; readonly problem: ImportProblem };

const ROUTE = 'POST /v1/erasure-requests/import';
/** Entries at once, and how much they may ask for: what is stored together costs a fraction, but others wait behind it. */
const STORED_AT_ONCE = 96;
const WEIGHT_AT_ONCE = 10_000;

/** An entry on its way into the database. */
interface Running {
  readonly imported: Promise<Imported>;
  /** Null, once it is there. */
  readonly done: Promise<null>;
  readonly weight: number;
}

/**
 * Stores what the entries ask for and gives one result an entry, in their order, never more than a few ahead of who takes
 * them. Throws when the database goes away: what was given until then is stored, and perhaps some of what was not; the same
 * file sent again goes on.
 */
export async function* importRequests(
  intake: Intake,
  entries: AsyncIterable<ImportEntry>,
  actor: string,
): AsyncGenerator<Imported, void, undefined> {
  const running: Running[] = [];
  let weight = 0;
  const reading = entries[Symbol.asyncIterator]();
  let next: Promise<IteratorResult<ImportEntry>> | null = null;
  try {
    for (let ended = false; ;) {
      const [first] = running;
      if (ended && !first) return;
      const isFull = ended || running.length >= STORED_AT_ONCE || weight >= WEIGHT_AT_ONCE;
      if (!isFull) next ??= reading.next();
      // Whichever is there first: who sends slowly is answered meanwhile.
      const came = isFull || next === null ? null : await Promise.race([next, ...(first ? [first.done] : [])]);
      if (came !== null) {
        next = null;
        if (came.done === true) ended = true;
        else {
          const begun = begin(intake, came.value, actor);
          running.push(begun);
          weight += begun.weight;
        }
      } else if (first) {
        running.shift();
        weight -= first.weight;
        yield await first.imported;
      }
    }
  } finally {
    // Not waited for: the sender may say nothing for long, and what they say last is nobody's failure.
    Promise.all([next, reading.return?.()]).catch(() => undefined);
  }
}

function begin(intake: Intake, entry: ImportEntry, actor: string): Running {
  const imported = store(intake, entry, actor);
  // Looked at in its turn; until then it must not count as forgotten.
  const done = imported.then(
    () => null,
    () => null,
  );
  return { imported, done, weight: entry.kind === 'refused' ? 0 : weightOf(entry.submission) };
}

async function store(intake: Intake, entry: ImportEntry, actor: string): Promise<Imported> {
  const { line } = entry;
  if (entry.kind === 'refused') return { line, problem: entry.problem };
  // What was understood stands beside the bytes: a line that was refused the first time must not be passed over in silence.
  const { subjectRef, targets } = entry.submission;
  const body = canonicalJson([entry.fileDigest, subjectRef, targets === null ? null : targets.map(written)]);
  const idempotency = { route: ROUTE, key: entry.fileDigest, body };
  const submitted = await intake.submit(entry.submission, { actor, source: 'import' }, idempotency);
  if (submitted.kind !== 'accepted') return { line, problem: problemOf(submitted.kind) };
  return { line, id: submitted.id, ...(submitted.replayed ? { replayed: true } : {}) };
}

const written = ({ system, scope, ids, selectors }: ReadTarget): JsonObject => ({
  system,
  scope: { ...scope },
  ids: [...ids],
  selectors: [...selectors],
});

function problemOf(kind: Exclude<Submitted['kind'], 'accepted'>): ImportProblem {
  switch (kind) {
    case 'unknown_subject':
      return {
        slug: 'unknown_subject',
        detail: 'No targets are given, and none are known of this subject.',
        errors: [],
      };
    case 'not_configured':
      return {
        slug: 'not_configured',
        detail: 'Some of what is known lies at a system without credentials.',
        errors: [],
      };
    case 'key_shredded':
      return { slug: 'shredded', detail: 'The request made of this line was shredded.', errors: [] };
    case 'key_reused':
      return {
        slug: 'key_reused',
        detail:
          'An earlier import of this file understood these lines otherwise: put what is missing into another file.',
        errors: [],
      };
    case 'key_in_flight':
      return { slug: 'key_in_flight', detail: 'The same file is being imported; send it again later.', errors: [] };
  }
}
