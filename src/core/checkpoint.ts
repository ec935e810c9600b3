/**
 * Signed heads of the ledger's tree: C2SP tlog-checkpoint in a C2SP signed-note, Ed25519. One note may bear several
 * signatures, as it does while the signing key is changed.
 */
import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { HASH_BYTES } from './merkle.js';
import type { TreeHead } from './merkle.js';

const ED25519 = 0x01;
const KEY_ID_BYTES = 4;
/** What DER puts before the 32 bytes of an Ed25519 public key (RFC 8410). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

export interface Checkpoint extends TreeHead {
  /** Names the log, for good. */
  readonly origin: string;
}

/** A key that signs notes. */
export interface Signer {
  /** `name+keyid+key`, the C2SP verifier key. */
  readonly verifierKey: string;
  /** The signature line over a note's text, with its line's end. */
  line(text: string): string;
}

/** A signer out of a PKCS#8 PEM. `name` is the key's name: that of the log. */
export function signerOf(pem: string, name: string): Signer {
  const key = createPrivateKey(pem);
  const raw = createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(SPKI_PREFIX.length);
  const id = keyId(name, raw);
  return {
    verifierKey: `${name}+${id.toString('hex')}+${Buffer.concat([Buffer.from([ED25519]), raw]).toString('base64')}`,
    line: (text) => `— ${name} ${Buffer.concat([id, sign(null, Buffer.from(text), key)]).toString('base64')}\n`,
  };
}

function keyId(name: string, raw: Buffer): Buffer {
  const digest = createHash('sha256')
    .update(`${name}\n`)
    .update(Buffer.from([ED25519]))
    .update(raw)
    .digest();
  return digest.subarray(0, KEY_ID_BYTES);
}

/** A checkpoint signed by each of the signers. */
export function signCheckpoint({ origin, size, root }: Checkpoint, signers: readonly Signer[]): string {
  const text = `${origin}\n${size}\n${root.toString('base64')}\n`;
  return cosign(`${text}\n`, signers);
}

/** The same note with further signatures over the same text. */
export function cosign(note: string, signers: readonly Signer[]): string {
  const text = textOf(note) ?? '';
  return note + signers.map((signer) => signer.line(text)).join('');
}

/** True when a key of that name and id is among those that signed; whether the signature holds is `isSignedBy`. */
export function bearsSignatureOf(note: string, verifierKey: string): boolean {
  const key = readVerifierKey(verifierKey);
  return key !== null && signaturesOf(note, key).length > 0;
}

/** True when the key's signature on the note holds. */
export function isSignedBy(note: string, verifierKey: string): boolean {
  const key = readVerifierKey(verifierKey);
  const text = textOf(note);
  if (key === null || text === null) return false;
  const signatures = signaturesOf(note, key);
  return signatures.length > 0 && signatures.every((bytes) => verify(null, Buffer.from(text), key.key, bytes));
}

/** What a note says, whoever signed it; null when it is no checkpoint. */
export function readCheckpoint(note: string): Checkpoint | null {
  const [origin, digits, encoded] = (textOf(note) ?? '').split('\n');
  if (!origin || !digits || !/^(0|[1-9]\d{0,15})$/.test(digits) || encoded === undefined) return null;
  const [size, root] = [Number(digits), Buffer.from(encoded, 'base64')];
  const fits = Number.isSafeInteger(size) && root.length === HASH_BYTES && root.toString('base64') === encoded;
  return fits ? { origin, size, root } : null;
}

interface VerifierKey {
  readonly name: string;
  readonly id: Buffer;
  readonly key: KeyObject;
}

function readVerifierKey(text: string): VerifierKey | null {
  const [, name, hex, encoded] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? [];
  const bytes = Buffer.from(encoded ?? '', 'base64');
  if (!name || !hex || bytes[0] !== ED25519 || bytes.length !== 1 + HASH_BYTES) return null;
  const [id, raw] = [Buffer.from(hex, 'hex'), bytes.subarray(1)];
  if (!keyId(name, raw).equals(id)) return null;
  return { name, id, key: createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: 'der', type: 'spki' }) };
}

/** The name and id of a key, as they stand before its bytes in the verifier key: those may hold a plus sign too. */
export function keyIdOf(verifierKey: string): string {
  return verifierKey.split('+', 2).join('+');
}

/** The signed text: everything up to the empty line, its last line's end included. */
function textOf(note: string): string | null {
  const end = note.indexOf('\n\n');
  return end === -1 ? null : note.slice(0, end + 1);
}

function signaturesOf(note: string, { name, id }: VerifierKey): Buffer[] {
  const lines = note.slice(note.indexOf('\n\n') + 2).split('\n');
  return lines.flatMap((line) => {
    const [dash, signer, encoded] = line.split(' ');
    const bytes = Buffer.from(encoded ?? '', 'base64');
    const isOurs = dash === '—' && signer === name && bytes.subarray(0, KEY_ID_BYTES).equals(id);
    return isOurs ? [bytes.subarray(KEY_ID_BYTES)] : [];
  });
}
