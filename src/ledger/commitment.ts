/**
 * Commitments: what an event says of a personal value without saying the value. `SHA-256(DOMAIN ‖ salt ‖ value)`, of
 * which the salt, 256 bits, is derived from the request's key. Who is given salt and value can check; without the salt
 * nothing can be guessed, and once the request's key is destroyed nobody can compute it again. docs/evidence.md, ADR 0013.
 */
import { createHmac, hash } from 'node:crypto';
import { canonicalJson } from '../core/canonical.js';
import { leafHash, rootOfLeaves } from '../core/merkle.js';

const SECRET_LABEL = 'expunge ledger salts v1';
const DOMAIN = Buffer.from('expunge commitment v1\n');

/** What is committed to of one request. Values are canonical JSON texts. */
export class Commitments {
  private readonly secret: Buffer;

  /** @param key the request's own, as the vault unwraps it */
  constructor(key: Buffer) {
    this.secret = createHmac('sha256', key).update(SECRET_LABEL).digest();
  }

  /** Base64. `label` is what the value is of the request: `subject`, `note`, `item/ID`, `response/ID`, `resolution/ID`. */
  of(label: string, value: string): string {
    return hash('sha256', Buffer.concat([DOMAIN, this.saltBytes(label), Buffer.from(value)]), 'base64');
  }

  /** Base64. */
  salt(label: string): string {
    return this.saltBytes(label).toString('base64');
  }

  private saltBytes(label: string): Buffer {
    return createHmac('sha256', this.secret).update(label).digest();
  }
}

/** The committed value of an item. `scope` is the canonical text of its scope. */
export function itemValue(system: string, kind: string, scope: string, externalId: string | null): string {
  return `{"externalId":${canonicalJson(externalId)},"kind":"${kind}","scope":${scope},"system":"${system}"}`;
}

/** An item as events name it. */
export type CommittedItem = readonly [id: string, commitment: string | null];

/** The root over a request's submitted items, by id: base64. Whoever has them all can compute it again. */
export function itemsRoot(items: readonly CommittedItem[]): string {
  const leaves = items.map(([id, commitment]) => `${id} ${commitment ?? ''}`).sort();
  return rootOfLeaves(leaves.map(leafHash)).toString('base64');
}
