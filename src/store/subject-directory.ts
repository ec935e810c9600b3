/** The subject directory: what is known of a subject, sealed under a key of the entry, found again by a keyed digest. */
import type { Database, Statement, Transaction } from './database.js';
import { newId } from './identifiers.js';
import { subjectDigest } from './read-requests.js';
import { seal, unseal } from './vault.js';
import type { Vault } from './vault.js';

/** What the directory knows of a subject. */
export interface DirectoryEntry {
  /** Another with every replacement. */
  readonly id: string;
  /** As they were given, in the shape of a submission. */
  readonly targets: readonly unknown[];
  readonly replacedAt: Date;
}

const subjectPlace = (id: string) => `directory_entry ${id} subject`;
const targetsPlace = (id: string) => `directory_entry ${id} targets`;

/** One statement: of two that replace at once the last to commit wins, with all that it brought. */
const REPLACE_ENTRY: Statement = {
  name: 'replace-directory-entry',
  text: `insert into directory_entry (id, subject_digest, wrapped, generation, sealed_subject, sealed_targets)
    values ($1, $2, $3, $4, $5, $6)
    on conflict (subject_digest) do update set id = excluded.id, wrapped = excluded.wrapped, generation = excluded.generation,
      sealed_subject = excluded.sealed_subject, sealed_targets = excluded.sealed_targets, replaced_at = now()
    returning replaced_at as "replacedAt"`,
};

/** Puts these targets in the place of all that was known of the subject. */
export async function replaceEntry(
  database: Database,
  vault: Vault,
  ref: string,
  targets: readonly unknown[],
): Promise<DirectoryEntry> {
  const id = newId();
  const { key, wrapped } = vault.makeKey(id, 'directory_key');
  const rows = await database.rows<{ replacedAt: Date }>(REPLACE_ENTRY, [
    id,
    subjectDigest(vault, ref),
    wrapped,
    vault.generation,
    seal(key, subjectPlace(id), JSON.stringify(ref)),
    seal(key, targetsPlace(id), JSON.stringify(targets)),
  ]);
  const row = rows[0];
  if (!row) throw new Error('the entry just stored is not there');
  return { id, targets, replacedAt: row.replacedAt };
}

const READ_ENTRY: Statement = {
  name: 'read-directory-entry',
  text: `select id, wrapped, sealed_targets as sealed, replaced_at as "replacedAt" from directory_entry where subject_digest = $1`,
};

interface EntryRow {
  readonly id: string;
  readonly wrapped: Buffer;
  readonly sealed: Buffer;
  readonly replacedAt: Date;
}

/** What is known of the subject, or null. */
export async function readEntry(
  reader: Pick<Transaction, 'rows'>,
  vault: Vault,
  ref: string,
): Promise<DirectoryEntry | null> {
  const row = (await reader.rows<EntryRow>(READ_ENTRY, [subjectDigest(vault, ref)]))[0];
  if (!row) return null;
  const opened = unseal(vault.unwrap(row.id, row.wrapped, 'directory_key'), targetsPlace(row.id), row.sealed);
  const targets: unknown = JSON.parse(opened.toString('utf8'));
  if (!Array.isArray(targets)) throw new Error('a directory entry has a form that this version does not know');
  return { id: row.id, targets, replacedAt: row.replacedAt };
}

const FORGET_ENTRY: Statement = {
  name: 'forget-directory-entry',
  text: 'delete from directory_entry where subject_digest = $1',
};

/** Forgets the subject, known or not. */
export async function forgetEntry(database: Database, vault: Vault, ref: string): Promise<void> {
  await database.rows(FORGET_ENTRY, [subjectDigest(vault, ref)]);
}

const NOTE_USE: Statement = {
  name: 'note-directory-use',
  text: 'insert into directory_use (request_id, entry_id) values ($1, $2)',
};

/** Notes out of which entry a request took its targets. */
export async function noteEntryUse(tx: Transaction, requestId: string, entryId: string): Promise<void> {
  await tx.run(NOTE_USE, [requestId, entryId]);
}

/** An entry that was replaced has another id, and stays. */
const FORGET_COMPLETED: Statement = {
  name: 'forget-completed-entries',
  text: `delete from directory_entry e using directory_use u, erasure_request r
    where u.request_id = any ($1::uuid[]) and e.id = u.entry_id and r.id = u.request_id and r.status = 'completed'
      and not exists (select from warning w where w.request_id = r.id)`,
};

/** Forgets the entries whose targets those of these requests took that are completed without a warning. */
export async function forgetCompletedEntries(tx: Transaction, requestIds: readonly string[]): Promise<void> {
  await tx.run(FORGET_COMPLETED, [requestIds]);
}

const READ_ENTRIES: Statement = {
  name: 'read-directory-entries',
  text: `select id, wrapped, sealed_subject as sealed from directory_entry where id > $1 order by id limit 100`,
};
const REWRAP_ENTRY: Statement = {
  name: 'rewrap-directory-entry',
  text: 'update directory_entry set wrapped = $2, subject_digest = $3 where id = $1',
};

/** Wraps the keys of all entries anew, and computes their digests anew, for a rotation of DATA_KEY. */
export async function rotateEntries(tx: Transaction, before: Vault, after: Vault): Promise<void> {
  for (let last = '00000000-0000-0000-0000-000000000000'; ;) {
    const rows = await tx.rows<Omit<EntryRow, 'replacedAt'>>(READ_ENTRIES, [last]);
    const end = rows.at(-1);
    if (!end) return;
    for (const { id, wrapped, sealed } of rows) {
      const key = before.unwrap(id, wrapped, 'directory_key');
      const ref: unknown = JSON.parse(unseal(key, subjectPlace(id), sealed).toString('utf8'));
      if (typeof ref !== 'string') throw new Error(`directory entry ${id} cannot be opened: nothing was rotated`);
      await tx.run(REWRAP_ENTRY, [id, after.wrap(id, key, 'directory_key'), subjectDigest(after, ref)]);
    }
    last = end.id;
  }
}
