/** Keyset pages: a cursor is the last id of the page before, wrapped so that nobody builds one by hand. */
import { readId } from './identifiers.js';

export interface Page {
  /** Rows wanted, 1 to 200. */
  readonly limit: number;
  readonly cursor: string | null;
}
export interface PageOf<T> {
  readonly data: readonly T[];
  readonly nextCursor: string | null;
}

export function encodeCursor(id: string): string {
  return Buffer.from(id).toString('base64url');
}

/** The id in a cursor, or null for what no answer of ours held. */
export function decodeCursor(cursor: string): string | null {
  const id = readId(Buffer.from(cursor, 'base64url').toString('utf8'));
  return id !== null && encodeCursor(id) === cursor ? id : null;
}
