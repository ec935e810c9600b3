/** Webhook sources and their secrets. */
import type { Scheme } from '../core/webhook-signature.js';
import type { Statement, Transaction } from './database.js';
import type { Vault } from './vault.js';

type Reader = Pick<Transaction, 'rows'>;

/** What an administrator says of a source. */
export interface SourceDefinition {
  readonly name: string;
  readonly scheme: Scheme;
  readonly events: readonly string[];
  /** A template, as submitted. */
  readonly subjectRef: string;
  /** Templates, as submitted; null: what the subject directory knows. */
  readonly targets: unknown;
  readonly subjectsPerHour: number;
}

/** A source with its living secrets in clear, oldest first. */
export interface WebhookSource extends SourceDefinition {
  readonly secrets: readonly string[];
}

/** The source resource of the API. */
export interface SourceResource extends SourceDefinition {
  readonly secrets: readonly { readonly createdAt: string }[];
  /** How many of its requests wait for a person to let them go. */
  readonly held: number;
  readonly createdAt: string;
}

/** Of requests that come from this source; their actor is called the same. */
export function requestSource(name: string): string {
  return `webhook:${name}`;
}

const INSERT_SOURCE: Statement = {
  name: 'insert-webhook-source',
  text: `insert into webhook_source (name, scheme, events, subject_ref, targets, subjects_per_hour)
    values ($1, $2, $3, $4, $5::json, $6) on conflict do nothing`,
};

/** Stores a source; false when there is one of that name. */
export async function insertSource(tx: Transaction, source: SourceDefinition): Promise<boolean> {
  const { name, scheme, events, subjectRef, targets, subjectsPerHour } = source;
  const templates = targets === null ? null : JSON.stringify(targets);
  return (await tx.run(INSERT_SOURCE, [name, scheme, events, subjectRef, templates, subjectsPerHour])) === 1;
}

const INSERT_SECRET: Statement = {
  name: 'insert-webhook-secret',
  text: 'insert into webhook_secret (id, source, sealed, generation) values ($1, $2, $3, $4)',
};

/** Adds a secret to a source, sealed. A vault whose DATA_KEY was rotated meanwhile cannot: the database refuses. */
export async function insertSecret(
  tx: Transaction,
  vault: Vault,
  id: string,
  of: string,
  secret: string,
): Promise<void> {
  await tx.run(INSERT_SECRET, [id, of, vault.wrapSecret(secretName(id), secret), vault.generation]);
}

/** The place to which a sealed secret is bound. */
export function secretName(id: string): string {
  return `webhook_secret ${id}`;
}

const READ_SOURCE: Statement = {
  name: 'read-webhook-source',
  text: `select s.name, s.scheme, s.events, s.subject_ref as "subjectRef", s.targets, s.subjects_per_hour as "subjectsPerHour",
      k.id as "secretId", k.sealed
    from webhook_source s left join webhook_secret k on k.source = s.name where s.name = $1 order by k.id`,
};
type SourceRow = SourceDefinition & { readonly secretId: string | null; readonly sealed: Buffer | null };

/** The source of that name, or null. One statement for either, so that both take the same time. */
export async function readSource(reader: Reader, vault: Vault, name: string): Promise<WebhookSource | null> {
  const rows = await reader.rows<SourceRow>(READ_SOURCE, [name]);
  const [row] = rows;
  if (!row) return null;
  const { scheme, events, subjectRef, targets, subjectsPerHour } = row;
  const secrets = rows.flatMap(({ secretId, sealed }) =>
    secretId === null || sealed === null ? [] : [vault.unwrapSecret(secretName(secretId), sealed)],
  );
  return { name: row.name, scheme, events, subjectRef, targets, subjectsPerHour, secrets };
}

const LIST_SOURCES: Statement = {
  name: 'list-webhook-sources',
  text: `select s.name, s.scheme, s.events, s.subject_ref as "subjectRef", s.targets, s.subjects_per_hour as "subjectsPerHour",
      s.created_at as "createdAt",
      array(select k.created_at from webhook_secret k where k.source = s.name order by k.id) as secrets,
      (select count(*) from erasure_request r where r.source = 'webhook:' || s.name and r.held is not null)::float8 as held
    from webhook_source s where $1::text is null or s.name = $1 order by s.name`,
};
type ListedRow = SourceDefinition & {
  readonly createdAt: Date;
  readonly secrets: readonly Date[];
  readonly held: number;
};

/** All sources by name, or the one of that name; without their secrets. */
export async function listSources(reader: Reader, name: string | null): Promise<SourceResource[]> {
  const rows = await reader.rows<ListedRow>(LIST_SOURCES, [name]);
  return rows.map(({ createdAt, secrets, ...row }) => ({
    ...row,
    secrets: secrets.map((at) => ({ createdAt: at.toISOString() })),
    createdAt: createdAt.toISOString(),
  }));
}

const LOCK_SOURCE: Statement = {
  name: 'lock-webhook-source',
  text: `select subjects_per_hour as "subjectsPerHour", released_at as "releasedAt" from webhook_source
    where name = $1 for update`,
};
export interface LockedSource {
  readonly subjectsPerHour: number;
  readonly releasedAt: Date | null;
}

/** Locks a source until the transaction ends: its deliveries and its changes come one after the other. Null when gone. */
export async function lockSource(tx: Transaction, name: string): Promise<LockedSource | null> {
  return (await tx.rows<LockedSource>(LOCK_SOURCE, [name]))[0] ?? null;
}

const READ_SECRET_IDS: Statement = {
  name: 'read-webhook-secret-ids',
  text: 'select id from webhook_secret where source = $1 order by id',
};

/** The ids of a source's living secrets, oldest first. */
export async function readSecretIds(tx: Transaction, name: string): Promise<string[]> {
  return (await tx.rows<{ id: string }>(READ_SECRET_IDS, [name])).map((row) => row.id);
}

const DELETE_SECRET: Statement = { name: 'delete-webhook-secret', text: 'delete from webhook_secret where id = $1' };
export async function deleteSecret(tx: Transaction, id: string): Promise<void> {
  await tx.run(DELETE_SECRET, [id]);
}

const CHANGE_SOURCE: Statement = {
  name: 'change-webhook-source',
  text: 'update webhook_source set subjects_per_hour = $2 where name = $1',
};

/** Sets beyond how many subjects an hour its requests are held. */
export async function changeSource(tx: Transaction, name: string, subjectsPerHour: number): Promise<void> {
  await tx.run(CHANGE_SOURCE, [name, subjectsPerHour]);
}

const DELETE_SOURCE: Statement = { name: 'delete-webhook-source', text: 'delete from webhook_source where name = $1' };

/** Removes a source and its secrets. Its deliveries stay known. */
export async function deleteSource(tx: Transaction, name: string): Promise<void> {
  await tx.run(DELETE_SOURCE, [name]);
}
