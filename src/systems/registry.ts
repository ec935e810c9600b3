import { supermemoryDocuments } from './supermemory/documents.js';
import type { Provider, System } from './system.js';
import { veltComments } from './velt/comments.js';
import { veltDocuments } from './velt/documents.js';

/** Every system that the service can erase in. */
// prettier-ignore
export const SYSTEMS: readonly System[] = [
  veltDocuments,
  veltComments,
  supermemoryDocuments,
];

/** Their providers, each once. */
export const PROVIDERS: readonly Provider[] = [...new Set(SYSTEMS.map((system) => system.provider))];

const BY_NAME: ReadonlyMap<string, System> = new Map(SYSTEMS.map((system) => [system.name, system]));

/** The system of that name, or undefined; any string may be asked for. */
export function systemNamed(name: string): System | undefined {
  return BY_NAME.get(name);
}
