/**
 * The tree of RFC 9162 and the signed notes of C2SP, written once more, from their texts and not from the service's code:
 * who judges the ledger must not share its mistakes.
 */
import { createHash, createPrivateKey, createPublicKey, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

export interface Head {
  readonly origin: string;
  readonly size: number;
  /** Base64. */
  readonly root: string;
}

/** The hash of an event's bytes as a leaf: Base64. */
export function hashOfLeaf(body: string): string {
  return sha256(Buffer.from([0]), Buffer.from(body)).toString('base64');
}

/** The root over leaf hashes (Base64), by the definition of RFC 9162, 2.1.1. */
export function rootOver(leaves: readonly string[]): string {
  return treeHash(leaves).toString('base64');
}

function treeHash(leaves: readonly string[]): Buffer {
  const [first] = leaves;
  if (first === undefined) return sha256();
  if (leaves.length === 1) return Buffer.from(first, 'base64');
  const split = 2 ** Math.ceil(Math.log2(leaves.length) - 1);
  return sha256(Buffer.from([1]), treeHash(leaves.slice(0, split)), treeHash(leaves.slice(split)));
}

/** The verifier key of a private key under a name: NAME+ID+KEY. */
export function verifierKeyOf(pem: string, name: string): string {
  const raw = createPublicKey(createPrivateKey(pem)).export({ type: 'spki', format: 'der' }).subarray(-32);
  const key = Buffer.concat([Buffer.from([1]), raw]);
  const id = sha256(Buffer.from(`${name}\n`), key).subarray(0, 4);
  return `${name}+${id.toString('hex')}+${key.toString('base64')}`;
}

/** What a note says, when the key has signed it; null otherwise. */
export function readSigned(note: string, verifierKey: string): Head | null {
  const [, name = '', id = '', key = ''] = /^(.+?)\+([0-9a-f]{8})\+(.+)$/.exec(verifierKey) ?? [];
  const end = note.indexOf('\n\n') + 1;
  const text = note.slice(0, end);
  const signatures = note
    .slice(end + 1)
    .split('\n')
    .filter((line) => line.startsWith(`— ${name} `))
    .map((line) => Buffer.from(line.split(' ')[2] ?? '', 'base64'))
    .filter((bytes) => bytes.subarray(0, 4).toString('hex') === id);
  const holds = signatures.some((bytes) => verify(null, Buffer.from(text), publicKey(key), bytes.subarray(4)));
  const [origin = '', size = '', root = ''] = text.split('\n');
  return holds && /^\d+$/.test(size) ? { origin, size: Number(size), root } : null;
}

function publicKey(encoded: string): KeyObject {
  const x = Buffer.from(encoded, 'base64').subarray(1).toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}

function sha256(...parts: readonly Buffer[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}
