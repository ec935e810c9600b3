/** Whether the outcomes are true: compared with what the sandbox held before and holds now, record by record. */
import { own } from '../core/json.js';
import type { SandboxSeed } from '../sandbox/seed.js';
import type { ResultItem } from './results.js';

export interface CrossCheck {
  /** Records that were there before and are gone. */
  readonly gone: number;
  /** Records that are still there. */
  readonly kept: number;
  /** Gone without an item that says `erased`, or there in spite of one. Zero, or the outcomes are not true. */
  readonly wrong: number;
}

/** Compares what exists with what the items say was erased. Documents take their annotations with them. */
export function crossCheck(before: SandboxSeed, after: SandboxSeed, items: readonly ResultItem[]): CrossCheck {
  const erased = items.filter((item) => item.outcome === 'erased');
  const claims = new Set(erased.flatMap(claimOf));
  const left = new Set(recordsOf(after).map(({ name }) => name));
  const records = recordsOf(before);
  const gone = records.filter(({ name }) => !left.has(name));
  const wrong = records.filter(
    ({ name, claimedBy }) => left.has(name) === claimedBy.some((claim) => claims.has(claim)),
  );
  return { gone: gone.length, kept: records.length - gone.length, wrong: wrong.length };
}

interface HeldRecord {
  readonly name: string;
  /** Any of these says that it was erased. */
  readonly claimedBy: readonly string[];
}

const documentName = (organization: string | undefined, id: string) =>
  JSON.stringify(['document', organization ?? null, id]);
const annotationName = (organization: string | undefined, document: string, id: string) =>
  JSON.stringify(['annotation', organization ?? null, document, id]);
const memoryName = (id: string) => JSON.stringify(['memory', id]);
const tagName = (tag: string) => JSON.stringify(['tag', tag]);

function recordsOf(seed: SandboxSeed): HeldRecord[] {
  const documents = new Set<string>();
  const records = new Map<string, HeldRecord>();
  const add = (name: string, ...more: readonly string[]): void =>
    void records.set(name, { name, claimedBy: [name, ...more] });
  for (const { organizationId, documentIds } of seed.veltDocuments ?? [])
    for (const id of documentIds) documents.add(documentName(organizationId, id));
  for (const { organizationId, documentId, annotations } of seed.veltAnnotations ?? []) {
    documents.add(documentName(organizationId, documentId));
    for (const { annotationId } of annotations)
      add(annotationName(organizationId, documentId, annotationId), documentName(organizationId, documentId));
  }
  for (const name of documents) add(name);
  for (const { id, containerTags } of seed.supermemoryDocuments ?? [])
    add(memoryName(id), ...(containerTags ?? []).map(tagName));
  return [...records.values()];
}

/** What an erased item says is gone; a selector of comments says it through the items that it discovered. */
function claimOf(item: ResultItem): string[] {
  const { system, kind, externalId } = item;
  const organization = scoped(item, 'organizationId');
  if (externalId === null) return [];
  if (system === 'velt.documents') return [documentName(organization, externalId)];
  if (system === 'velt.comments') return [annotationName(organization, scoped(item, 'documentId') ?? '', externalId)];
  return [kind === 'selector' ? tagName(externalId) : memoryName(externalId)];
}

function scoped(item: ResultItem, field: string): string | undefined {
  const value = own(item.scope, field);
  return typeof value === 'string' ? value : undefined;
}
