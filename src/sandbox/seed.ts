import { readList, readOptionalText, readRecord, readText } from './json.js';
import type { SandboxSystem } from './routes.js';

export interface SeededAnnotation {
  readonly annotationId: string;
  readonly locationId?: string | undefined;
  /** The author of the thread. */
  readonly userId?: string | undefined;
}

/** What exists at the providers. An ID that is not declared, and has no declared prefix, does not exist. */
export interface SandboxSeed {
  readonly veltDocuments?: readonly {
    readonly organizationId?: string | undefined;
    readonly documentIds: readonly string[];
  }[];
  /** Seeding an annotation makes its document exist. */
  readonly veltAnnotations?: readonly {
    readonly organizationId?: string | undefined;
    readonly documentId: string;
    readonly annotations: readonly SeededAnnotation[];
  }[];
  readonly supermemoryDocuments?: readonly {
    readonly id: string;
    readonly containerTags?: readonly string[] | undefined;
  }[];
  /** Every ID with one of these prefixes exists, in every scope, until it is deleted. */
  readonly existingPrefixes?: Partial<Readonly<Record<SandboxSystem, readonly string[]>>>;
}

/** Checks a seed that came as JSON. Throws SandboxInputError naming the place that is wrong. */
export function readSeed(value: unknown): SandboxSeed {
  const seed = readRecord(value, 'seed', [
    'veltDocuments',
    'veltAnnotations',
    'supermemoryDocuments',
    'existingPrefixes',
  ]);
  return {
    veltDocuments: readList(seed['veltDocuments'], 'veltDocuments', (entry, place) => {
      const row = readRecord(entry, place, ['organizationId', 'documentIds']);
      return {
        organizationId: readOptionalText(row['organizationId'], `${place}/organizationId`),
        documentIds: readList(row['documentIds'], `${place}/documentIds`, readText),
      };
    }),
    veltAnnotations: readList(seed['veltAnnotations'], 'veltAnnotations', (entry, place) => {
      const row = readRecord(entry, place, ['organizationId', 'documentId', 'annotations']);
      return {
        organizationId: readOptionalText(row['organizationId'], `${place}/organizationId`),
        documentId: readText(row['documentId'], `${place}/documentId`),
        annotations: readList(row['annotations'], `${place}/annotations`, readAnnotation),
      };
    }),
    supermemoryDocuments: readList(seed['supermemoryDocuments'], 'supermemoryDocuments', (entry, place) => {
      const row = readRecord(entry, place, ['id', 'containerTags']);
      return {
        id: readText(row['id'], `${place}/id`),
        containerTags: readList(row['containerTags'], `${place}/containerTags`, readText),
      };
    }),
    existingPrefixes: readPrefixes(seed['existingPrefixes']),
  };
}

function readAnnotation(value: unknown, place: string): SeededAnnotation {
  const row = readRecord(value, place, ['annotationId', 'locationId', 'userId']);
  return {
    annotationId: readText(row['annotationId'], `${place}/annotationId`),
    locationId: readOptionalText(row['locationId'], `${place}/locationId`),
    userId: readOptionalText(row['userId'], `${place}/userId`),
  };
}

function readPrefixes(value: unknown): Record<SandboxSystem, string[]> {
  const place = 'existingPrefixes';
  const row = readRecord(value ?? {}, place, ['velt.documents', 'velt.comments', 'supermemory.documents']);
  return {
    'velt.documents': readList(row['velt.documents'], `${place}/velt.documents`, readText),
    'velt.comments': readList(row['velt.comments'], `${place}/velt.comments`, readText),
    'supermemory.documents': readList(row['supermemory.documents'], `${place}/supermemory.documents`, readText),
  };
}
