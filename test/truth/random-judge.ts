/** Compares what the service says of every item with what the sandbox really holds and really deleted. */
import type { Sandbox } from '../../src/sandbox/sandbox.js';
import type { SandboxCall } from '../../src/sandbox/ledger.js';
import type { ItemResource } from '../../src/store/read-items.js';
import type { Target } from './random-world.js';

/** What must never be: each a line that says where. */
export interface Verdict {
  readonly falselyGone: string[];
  readonly bystanders: string[];
  readonly wrongHistory: string[];
}

const GONE = ['erased', 'already_absent', 'nothing_matched'];
const IDS_PER_CALL: Readonly<Record<string, number>> = {
  'supermemory.documents': 100,
  'velt.documents': 30,
  'velt.comments': 30,
};

interface Where {
  readonly organizationId: string | undefined;
  readonly documentId: string | undefined;
  readonly locationIds: readonly string[] | undefined;
  readonly userIds: readonly string[] | undefined;
}

/** `stillHolds`: whether the provider still holds what this item says is gone; refused ones of a selector do not count. */
function stillHolds(sandbox: Sandbox, item: ItemResource, refused: ReadonlySet<string>): boolean {
  const scope = whereOf(item.scope ?? {});
  const id = item.externalId;
  if (item.system === 'supermemory.documents') {
    if (item.kind === 'selector') return sandbox.data.memoriesTagged(id ?? '').length > 0;
    return sandbox.data.exists('supermemory.documents', {}, id ?? '');
  }
  if (item.system === 'velt.documents') return sandbox.data.hasDocument(scope.organizationId, id ?? '');
  const { organizationId, documentId = '', locationIds, userIds } = scope;
  if (item.kind === 'selector') {
    const left = sandbox.data.matchingAnnotations(organizationId, documentId, { locationIds, userIds });
    return left.some((annotation) => !refused.has(annotation));
  }
  return sandbox.data.hasAnnotation(organizationId, documentId, id ?? '', locationIds);
}

export function judge(sandbox: Sandbox, items: readonly ItemResource[], targets: readonly Target[]): Verdict {
  const deletions = deletionsOf(sandbox.ledger.calls());
  const verdict: Verdict = { falselyGone: [], bystanders: [], wrongHistory: [] };
  const askers = new Map<string, number>();
  for (const item of items) {
    const key = keyOf(item);
    if (key !== null) askers.set(key, (askers.get(key) ?? 0) + 1);
  }
  const refusedBy = new Map<string, Set<string>>();
  for (const { selectorId, outcome, externalId } of items) {
    if (selectorId === null || GONE.includes(outcome) || externalId === null) continue;
    refusedBy.set(selectorId, (refusedBy.get(selectorId) ?? new Set()).add(externalId));
  }
  for (const item of items) {
    if (!GONE.includes(item.outcome) || item.externalId === 'stranger-1') continue;
    const line = `${item.system} ${item.kind} ${JSON.stringify(item.externalId)} ${JSON.stringify(item.scope)}: ${item.outcome}/${item.evidence}`;
    if (stillHolds(sandbox, item, refusedBy.get(item.id) ?? new Set())) verdict.falselyGone.push(line);
    const key = keyOf(item);
    if (key === null) continue;
    const deleted = deletions.get(key);
    if (item.outcome === 'erased' && item.evidence !== 'repeat' && !deleted) {
      verdict.wrongHistory.push(`${line}, and no call deleted it`);
    }
    if (item.evidence === 'repeat' && item.attempts < 2 && item.kind === 'id') {
      verdict.wrongHistory.push(`${line}, after ${item.attempts} calls`);
    }
    const onlyUs = item.kind === 'id' && askers.get(key) === 1 && deleted?.named === true;
    if (onlyUs && item.outcome !== 'erased') verdict.wrongHistory.push(`${line}, and a call of its own deleted it`);
  }
  verdict.bystanders.push(...bystanders(sandbox.ledger.calls(), targets));
  return verdict;
}

/** Where an item is found again in the ledger; null for what selects. */
function keyOf(item: ItemResource): string | null {
  if (item.kind === 'selector' || item.externalId === null) return null;
  const { organizationId, documentId } = whereOf(item.scope ?? {});
  return placeKey(item.system, organizationId, documentId, item.externalId);
}

function placeKey(
  system: string,
  organizationId: string | undefined,
  documentId: string | undefined,
  id: string,
): string {
  return JSON.stringify([system, organizationId ?? null, documentId ?? null, id]);
}

function deletionsOf(calls: readonly SandboxCall[]): Map<string, { named: boolean }> {
  const found = new Map<string, { named: boolean }>();
  for (const call of calls) {
    for (const { system, scope, ids } of call.deleted) {
      for (const id of ids) {
        const key = placeKey(system, scope.organizationId, scope.documentId, id);
        const named = call.system === system && call.ids.includes(id);
        found.set(key, { named: named || found.get(key)?.named === true });
      }
    }
  }
  return found;
}

/** Everything that a call deleted and nobody had asked for. */
function bystanders(calls: readonly SandboxCall[], targets: readonly Target[]): string[] {
  const asked = new Set<string>();
  const selectors = new Set<string>();
  for (const target of targets) {
    const { organizationId, documentId, locationIds, userIds } = whereOf(target);
    const system = String(target['system']);
    const ids = listOf(target['documentIds'] ?? target['annotationIds'] ?? target['ids']);
    for (const id of ids ?? [])
      asked.add(JSON.stringify([system, organizationId, documentId, sorted(locationIds), id]));
    for (const tag of listOf(target['containerTags']) ?? []) selectors.add(JSON.stringify(['tag', tag]));
    if (ids === undefined && system === 'velt.comments') {
      selectors.add(JSON.stringify([organizationId, documentId, sorted(locationIds), sorted(userIds)]));
    }
  }
  const found: string[] = [];
  for (const call of calls) {
    if (call.widened) found.push(`call ${call.seq} was widened`);
    if (call.leak) found.push(`call ${call.seq} followed a redirect`);
    const body = isRecord(call.body) ? call.body : {};
    const data = isRecord(body['data']) ? body['data'] : body;
    const { organizationId, documentId, locationIds, userIds } = whereOf(data);
    const tags = listOf(body['containerTags']);
    const isSelector = call.system === 'velt.comments' && call.ids.length === 0;
    const selected =
      tags === undefined
        ? [JSON.stringify([organizationId, documentId, sorted(locationIds), sorted(userIds)])]
        : tags.map((tag) => JSON.stringify(['tag', tag]));
    if ((isSelector || tags !== undefined) && !selected.every((one) => selectors.has(one))) {
      found.push(`call ${call.seq} selected what nobody asked for`);
    }
    for (const { cascade, ids } of call.deleted) {
      if (cascade || isSelector || tags !== undefined) continue;
      for (const id of ids) {
        const key = JSON.stringify([call.system, organizationId, documentId, sorted(locationIds), id]);
        if (!call.ids.includes(id)) found.push(`call ${call.seq} deleted an ID that it did not name`);
        else if (!asked.has(key) && !wasDiscovered(selectors, organizationId, documentId)) {
          found.push(`call ${call.seq} deleted ${id}, which nobody asked for`);
        }
      }
    }
  }
  return found;
}

/** A discovered ID is asked for by its ID in the document of its selector. */
function wasDiscovered(selectors: ReadonlySet<string>, organizationId?: string, documentId?: string): boolean {
  const start = JSON.stringify([organizationId, documentId]).slice(0, -1);
  return [...selectors].some((selector) => selector.startsWith(`${start},`));
}

/** The fewest calls in which everything could have been asked for. */
export function fewestCalls(targets: readonly Target[]): number {
  const lanes = new Map<string, Set<string>>();
  const selectors = new Set<string>();
  for (const target of targets) {
    const { documentIds, annotationIds, ids, containerTags, ...scope } = target;
    const named = listOf(documentIds ?? annotationIds ?? ids);
    const lane = JSON.stringify(
      Object.entries(scope)
        .map(([name, value]) => [name, typeof value === 'string' ? value : sorted(listOf(value))])
        .sort(([a], [b]) => String(a).localeCompare(String(b))),
    );
    for (const tag of listOf(containerTags) ?? []) selectors.add(`tag ${tag}`);
    if (named === undefined && containerTags === undefined) selectors.add(lane);
    const known = lanes.get(lane) ?? new Set();
    for (const id of named ?? []) known.add(id);
    lanes.set(lane, known);
  }
  let calls = selectors.size;
  for (const [lane, known] of lanes) {
    const cap = Object.entries(IDS_PER_CALL).find(([system]) => lane.includes(`"${system}"`))?.[1] ?? 1;
    calls += Math.ceil(known.size / cap);
  }
  return calls;
}

function whereOf(scope: Readonly<Record<string, unknown>>): Where {
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  return {
    organizationId: text(scope['organizationId']),
    documentId: text(scope['documentId']),
    locationIds: listOf(scope['locationIds']),
    userIds: listOf(scope['userIds']),
  };
}

function listOf(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === 'string') : undefined;
}

function sorted(list: readonly string[] | undefined): readonly string[] | undefined {
  return list === undefined ? undefined : [...list].sort();
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
