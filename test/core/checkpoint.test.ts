import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bearsSignatureOf,
  cosign,
  isSignedBy,
  keyIdOf,
  readCheckpoint,
  signCheckpoint,
  signerOf,
} from '../../src/core/checkpoint.js';
import { leafHash } from '../../src/core/merkle.js';

const pem = () => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const old = signerOf(pem(), 'log.example/1');
const next = signerOf(pem(), 'log.example/1');
const head = { origin: 'log.example/1', size: 20_852_163, root: leafHash('anything') };
const note = signCheckpoint(head, [old]);

it('a key is named by its name and id, whatever its bytes look like in Base64', () => {
  for (const { verifierKey } of Array.from({ length: 40 }, () => signerOf(pem(), 'log.example/1'))) {
    expect(keyIdOf(verifierKey)).toMatch(/^log\.example\/1\+[0-9a-f]{8}$/);
  }
});

describe('a checkpoint', () => {
  it('is a signed note as golang.org/x/mod/sumdb/note writes it', () => {
    // The key and the note of that package's documentation.
    const text =
      "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    const published = `${text}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n`;
    const key = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
    expect(isSignedBy(published, key)).toBe(true);
    expect(isSignedBy(published.replace('answer', 'Answer'), key)).toBe(false);
  });

  it('says its log, size and root, whoever reads it', () => {
    expect(note.split('\n').slice(0, 4)).toEqual(['log.example/1', '20852163', head.root.toString('base64'), '']);
    expect(readCheckpoint(note)).toEqual(head);
    expect(isSignedBy(note, old.verifierKey)).toBe(true);
    expect(isSignedBy(note, next.verifierKey)).toBe(false);
  });

  it('may bear the signatures of two keys', () => {
    const both = cosign(note, [next]);
    expect(both).not.toBe(note);
    expect(both.startsWith(note)).toBe(true);
    for (const signer of [old, next]) expect(isSignedBy(both, signer.verifierKey)).toBe(true);
    expect(bearsSignatureOf(note, next.verifierKey)).toBe(false);
    expect(bearsSignatureOf(both, next.verifierKey)).toBe(true);
  });

  it('no longer holds with any character changed', () => {
    fc.assert(
      fc.property(fc.nat(note.length - 1), fc.constantFrom('A', '0', '\n', ' ', 'é'), (at, by) => {
        const changed = note.slice(0, at) + by + note.slice(at + 1);
        // What follows the signature's last bit, and the end of its line, carry nothing.
        fc.pre(changed !== note && at < note.length - 2);
        expect(isSignedBy(changed, old.verifierKey)).toBe(false);
      }),
    );
  });

  it('is not read out of what is none', () => {
    for (const text of ['', 'a\n1\nAA==\n', 'a\n1\nAA==\n\n', `a\n01\n${head.root.toString('base64')}\n\n`, 'a\n\n']) {
      expect(readCheckpoint(text)).toBeNull();
    }
    expect(isSignedBy(note, 'log.example/1+00000000+AAAA')).toBe(false);
    expect(isSignedBy('no note', old.verifierKey)).toBe(false);
    expect(() => signerOf('no key', 'log')).toThrow();
  });
});
