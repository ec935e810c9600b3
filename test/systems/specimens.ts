import type { Specimen } from './specimen.js';
import { supermemoryDocuments } from './supermemory-specimen.js';
import { veltComments, veltDocuments } from './velt-specimens.js';

/** By system name; the contract suite fails for a system that has none. */
export const SPECIMENS: ReadonlyMap<string, Specimen> = new Map([
  ['velt.documents', veltDocuments],
  ['velt.comments', veltComments],
  ['supermemory.documents', supermemoryDocuments],
]);
