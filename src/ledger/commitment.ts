/**
 * Commitments: what an event says of a personal value without saying the value. `SHA-256(DOMAIN ‖ salt ‖ value)`, of
 * which the salt, 256 bits, is derived from the request's key. Who is given salt and value can check; without the salt
 * nothing can be guessed, and once the request's key is destroyed nobody can compute it again. docs/evidence.md, ADR 0013.
 */
import { hash } from 'node:crypto';
import { canonicalJson } from '../core/canonical.js';
import { Hmac } from '../core/hmac.js';
import { rootOfTexts } from '../core/merkle.js';

const SECRET_LABEL = 'expunge ledger salts v1';
const DOMAIN = Buffer.from('expunge commitment v1\n');
const SALT_BYTES = 32;
const SALTED = DOMAIN.length + SALT_BYTES;
/** Values up to so many UTF-16 code units, of three bytes at most, share one buffer. */
const SHARED_UNITS_MAX = 4096;

/** What is committed to of one request. Values are canonical JSON texts. */
export class Commitments {
  private readonly salts: Hmac;
  private readonly text = Buffer.alloc(SALTED + 3 * SHARED_UNITS_MAX);

  /** @param key the request's own, as the vault unwraps it */
  constructor(key: Buffer) {
    this.salts = new Hmac(new Hmac(key).of(SECRET_LABEL));
    DOMAIN.copy(this.text);
  }

  /** Base64. `label` is what the value is of the request: `subject`, `note`, `item/ID`, `response/ID`, `resolution/ID`. */
  of(label: string, value: string): string {
    this.text.write(this.salts.binary(label), DOMAIN.length, 'latin1');
    return hash('sha256', this.salted(value), 'base64');
  }

  /** Base64. */
  salt(label: string): string {
    return this.salts.of(label).toString('base64');
  }

  private salted(value: string): Buffer {
    if (value.length > SHARED_UNITS_MAX) return Buffer.concat([this.text.subarray(0, SALTED), Buffer.from(value)]);
    return this.text.subarray(0, SALTED + this.text.write(value, SALTED));
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
  return rootOfTexts(leaves).toString('base64');
}
