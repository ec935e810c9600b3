import { isRecord, isTextList } from './json.js';

/** What can be told to delete here; the names are those of the requests (docs/sandbox.md). */
export const SANDBOX_SYSTEMS = ['velt.documents', 'velt.comments', 'supermemory.documents'] as const;
export type SandboxSystem = (typeof SANDBOX_SYSTEMS)[number];
export type SandboxProvider = 'velt' | 'supermemory';

const ROUTES: ReadonlyMap<string, SandboxSystem> = new Map([
  ['POST /v2/organizations/documents/delete', 'velt.documents'],
  ['POST /v1/organizations/documents/delete', 'velt.documents'],
  ['POST /v1/commentannotations/delete', 'velt.comments'],
  ['POST /v2/commentannotations/delete', 'velt.comments'],
  ['DELETE /v3/documents/bulk', 'supermemory.documents'],
]);

/** The system that a call is meant for, or null where no route of the providers is called. */
export function systemOf(method: string, path: string): SandboxSystem | null {
  return ROUTES.get(`${method} ${path}`) ?? null;
}

export function providerOf(system: SandboxSystem): SandboxProvider {
  return system === 'supermemory.documents' ? 'supermemory' : 'velt';
}

export function isSandboxSystem(value: unknown): value is SandboxSystem {
  return SANDBOX_SYSTEMS.some((system) => system === value);
}

/** The IDs that a call names: `ids` are to be deleted, `scope` says where or whose. */
export interface Carried {
  readonly ids: readonly string[];
  readonly scope: readonly string[];
}

const ID_FIELDS = { 'velt.documents': 'documentIds', 'velt.comments': 'annotationIds' } as const;
const NOTHING: Carried = { ids: [], scope: [] };

/** Reads the IDs out of a parsed request body, valid or not: what is no string is passed over. */
export function carriedBy(system: SandboxSystem, body: unknown): Carried {
  if (!isRecord(body)) return NOTHING;
  if (system === 'supermemory.documents') {
    return { ids: [...texts(body['ids']), ...texts(body['containerTags'])], scope: [] };
  }
  const data = body['data'];
  if (!isRecord(data)) return NOTHING;
  return {
    ids: texts(data[ID_FIELDS[system]]),
    scope: [data['organizationId'], data['documentId'], data['locationIds'], data['userIds']].flatMap(texts),
  };
}

function texts(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (isTextList(value)) return value;
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];
}
