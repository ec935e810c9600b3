import type { SandboxSystem } from './routes.js';
import type { SandboxSeed, SeededAnnotation } from './seed.js';

/** Where an ID lives. Supermemory has no scope; a Velt document may have been made without an organization. */
export interface SandboxScope {
  readonly organizationId?: string | undefined;
  readonly documentId?: string | undefined;
}

interface VeltDocument {
  readonly organizationId: string | undefined;
  readonly documentId: string;
  readonly annotations: Map<string, SeededAnnotation>;
}

/** Which annotations of a document a call means; a filter that is undefined lets everything through. */
export interface AnnotationFilter {
  readonly locationIds: readonly string[] | undefined;
  readonly userIds: readonly string[] | undefined;
}

/** What the two providers hold. Methods named delete return what they really took away. */
export class SandboxData {
  private readonly documents = new Map<string, VeltDocument>();
  private readonly memories = new Map<string, readonly string[]>();
  private readonly memoriesByTag = new Map<string, Set<string>>();
  private readonly prefixes: Record<SandboxSystem, string[]> = {
    'velt.documents': [],
    'velt.comments': [],
    'supermemory.documents': [],
  };
  /** Deleted IDs, which a prefix would otherwise bring back. */
  private readonly gone: Record<SandboxSystem, Set<string>> = {
    'velt.documents': new Set(),
    'velt.comments': new Set(),
    'supermemory.documents': new Set(),
  };

  /** Adds to what exists; an ID that was deleted exists again. */
  seed(seed: SandboxSeed): void {
    for (const { organizationId, documentIds } of seed.veltDocuments ?? []) {
      for (const documentId of documentIds) this.document(organizationId, documentId);
    }
    for (const { organizationId, documentId, annotations } of seed.veltAnnotations ?? []) {
      const document = this.document(organizationId, documentId);
      for (const annotation of annotations) {
        document.annotations.set(annotation.annotationId, annotation);
        this.gone['velt.comments'].delete(keyOf(organizationId, documentId, annotation.annotationId));
      }
    }
    for (const { id, containerTags = [] } of seed.supermemoryDocuments ?? []) {
      this.deleteMemory(id);
      this.gone['supermemory.documents'].delete(id);
      this.memories.set(id, containerTags);
      for (const tag of containerTags) this.tagged(tag).add(id);
    }
    for (const system of ['velt.documents', 'velt.comments', 'supermemory.documents'] as const) {
      this.prefixes[system].push(...(seed.existingPrefixes?.[system] ?? []));
    }
  }

  /** Whether an ID still exists; `scope` as in the call that would delete it. */
  exists(system: SandboxSystem, scope: SandboxScope, id: string): boolean {
    switch (system) {
      case 'velt.documents':
        return this.hasDocument(scope.organizationId, id);
      case 'velt.comments':
        return this.hasAnnotation(scope.organizationId, scope.documentId ?? '', id, undefined);
      case 'supermemory.documents':
        return this.memories.has(id) || this.existsByPrefix(system, id, id);
    }
  }

  hasDocument(organizationId: string | undefined, documentId: string): boolean {
    const key = keyOf(organizationId, documentId);
    return this.documents.has(key) || this.existsByPrefix('velt.documents', documentId, key);
  }

  /** Whether the annotation exists in this document, and in one of the locations where some are named. */
  hasAnnotation(
    organizationId: string | undefined,
    documentId: string,
    annotationId: string,
    locationIds: readonly string[] | undefined,
  ): boolean {
    const documentKey = keyOf(organizationId, documentId);
    const annotation = this.documents.get(documentKey)?.annotations.get(annotationId);
    if (annotation !== undefined) return passes(annotation.locationId, locationIds);
    if (this.gone['velt.documents'].has(documentKey)) return false;
    return this.existsByPrefix('velt.comments', annotationId, keyOf(organizationId, documentId, annotationId));
  }

  /** The declared annotations of a document that a selector means, in the order of their seeding. */
  matchingAnnotations(organizationId: string | undefined, documentId: string, filter: AnnotationFilter): string[] {
    const document = this.documents.get(keyOf(organizationId, documentId));
    if (document === undefined) return [];
    return [...document.annotations.values()]
      .filter(({ locationId, userId }) => passes(locationId, filter.locationIds) && passes(userId, filter.userIds))
      .map(({ annotationId }) => annotationId);
  }

  /** Deletes a document; its annotations vanish with it and are returned. */
  deleteDocument(organizationId: string | undefined, documentId: string): string[] {
    const key = keyOf(organizationId, documentId);
    const vanished = [...(this.documents.get(key)?.annotations.keys() ?? [])];
    this.documents.delete(key);
    this.gone['velt.documents'].add(key);
    return vanished;
  }

  deleteAnnotation(organizationId: string | undefined, documentId: string, annotationId: string): void {
    this.documents.get(keyOf(organizationId, documentId))?.annotations.delete(annotationId);
    this.gone['velt.comments'].add(keyOf(organizationId, documentId, annotationId));
  }

  deleteMemory(id: string): void {
    for (const tag of this.memories.get(id) ?? []) this.memoriesByTag.get(tag)?.delete(id);
    this.memories.delete(id);
    this.gone['supermemory.documents'].add(id);
  }

  /** The Supermemory documents that carry a container tag. */
  memoriesTagged(tag: string): string[] {
    return [...(this.memoriesByTag.get(tag) ?? [])];
  }

  /** Everything declared that still exists, as a seed. IDs that exist by prefix are not listed. */
  list(): Required<SandboxSeed> {
    const documents = [...this.documents.values()];
    return {
      veltDocuments: documents.map(({ organizationId, documentId }) => ({ organizationId, documentIds: [documentId] })),
      veltAnnotations: documents
        .filter(({ annotations }) => annotations.size > 0)
        .map(({ organizationId, documentId, annotations }) => ({
          organizationId,
          documentId,
          annotations: [...annotations.values()],
        })),
      supermemoryDocuments: [...this.memories].map(([id, containerTags]) => ({ id, containerTags })),
      existingPrefixes: structuredClone(this.prefixes),
    };
  }

  /** Forgets everything, deletions and prefixes too. */
  clear(): void {
    this.documents.clear();
    this.memories.clear();
    this.memoriesByTag.clear();
    for (const prefixes of Object.values(this.prefixes)) prefixes.length = 0;
    for (const gone of Object.values(this.gone)) gone.clear();
  }

  private document(organizationId: string | undefined, documentId: string): VeltDocument {
    const key = keyOf(organizationId, documentId);
    const known = this.documents.get(key);
    if (known !== undefined) return known;
    const made: VeltDocument = { organizationId, documentId, annotations: new Map() };
    this.documents.set(key, made);
    this.gone['velt.documents'].delete(key);
    return made;
  }

  private tagged(tag: string): Set<string> {
    const known = this.memoriesByTag.get(tag) ?? new Set();
    this.memoriesByTag.set(tag, known);
    return known;
  }

  private existsByPrefix(system: SandboxSystem, id: string, key: string): boolean {
    return this.prefixes[system].some((prefix) => id.startsWith(prefix)) && !this.gone[system].has(key);
  }
}

function passes(value: string | undefined, allowed: readonly string[] | undefined): boolean {
  return allowed === undefined || (value !== undefined && allowed.includes(value));
}

function keyOf(organizationId: string | undefined, ...ids: readonly string[]): string {
  return JSON.stringify([organizationId ?? null, ...ids]);
}
