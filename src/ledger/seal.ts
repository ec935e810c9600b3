/**
 * The sealer: puts events into the Merkle tree and signs its head. One at a time in all processes, each round in one
 * transaction: whatever is cut short leaves the tree as it was, and of one size there is only ever one signed root.
 */
import { cosign, bearsSignatureOf, isSignedBy, keyIdOf, signCheckpoint, signerOf } from '../core/checkpoint.js';
import type { Signer } from '../core/checkpoint.js';
import { consistencyProof, EMPTY_ROOT, isConsistent, leafHash, rootOf } from '../core/merkle.js';
import { edgePlaces, Tiles } from '../core/tiles.js';
import type { Database, Transaction } from '../store/database.js';
import { placeEvents, readUnsealed } from '../store/ledger-events.js';
import * as tree from '../store/ledger-tree.js';

/** Events sealed in one round. */
const ROUND_EVENTS = 4096;
/** Well below the 10 s that the ledger may be behind. */
const EVERY_MS = 2000;
const JITTER_MS = 500;

/** LEDGER_SIGNING_KEY is not the key of this ledger. One line. */
class LedgerKeyError extends Error {}

/** What is stored is not what was signed, so that nothing more is. The message says what, in one line. */
export class LedgerBroken extends Error {}

/** Who is told how the sealing goes. */
export interface SealWatch {
  /** It refused to sign, and why; or, null, it went well. */
  refused(why: string | null): void;
  /** The database was away, or so; the next round tries again. */
  failed(error: unknown): void;
}

export interface LedgerKeys {
  /** PKCS#8 PEM; told whether a key may be made, since nothing was signed yet. */
  current(mayMake: boolean): Promise<string>;
  /** The key that is to follow, which signs beside the current one; null while none is. */
  readonly next: string | null;
}

export class Sealer {
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  private constructor(
    private readonly database: Database,
    /** Names the log. */
    readonly origin: string,
    private readonly signers: readonly [Signer, ...Signer[]],
    private readonly watch: SealWatch,
  ) {}

  /**
   * Opens the ledger with its key, and signs the empty tree where nothing was signed yet.
   * @throws {LedgerKeyError} when the key did not sign the newest checkpoint
   */
  static async open(database: Database, keys: LedgerKeys, watch: SealWatch): Promise<Sealer> {
    return database.transaction(async (tx) => {
      await tree.lockLedger(tx);
      const origin = await tree.readOrigin(tx);
      const head = await tree.readHead(tx);
      const current = signerOf(await keys.current(head === null), origin);
      const next = keys.next === null ? [] : [signerOf(keys.next, origin)];
      const signers = [current, ...next] as const;
      await tree.addVerifierKeys(
        tx,
        signers.map((signer) => signer.verifierKey),
      );
      if (head === null) {
        const first = { size: 0, root: EMPTY_ROOT };
        await tree.insertHead(tx, { ...first, note: signCheckpoint({ ...first, origin }, signers) });
      } else {
        if (!isSignedBy(head.note, current.verifierKey)) {
          throw new LedgerKeyError("LEDGER_SIGNING_KEY is not the key that signed the ledger's last checkpoint");
        }
        const missing = signers.filter((signer) => !bearsSignatureOf(head.note, signer.verifierKey));
        if (missing.length > 0) await tree.extendNote(tx, head.size, cosign(head.note, missing));
      }
      return new Sealer(database, origin, [...signers], watch);
    });
  }

  /** The verifier key that signs now. */
  get verifierKey(): string {
    return this.signers[0].verifierKey;
  }

  /** The key's name and id, as they stand before its bytes in the verifier key. */
  get keyId(): string {
    return keyIdOf(this.verifierKey);
  }

  /** Seals from now on, every few seconds, unless another process is at it. */
  start(): void {
    this.timer = setTimeout(
      () => {
        this.running = this.round().then(() => {
          if (!this.stopped) this.start();
        });
      },
      EVERY_MS + Math.random() * JITTER_MS,
    );
  }

  /** No round begins after this; the last has ended when it resolves. */
  async stop(): Promise<void> {
    this.stopped = true;
    if (this.timer) clearTimeout(this.timer);
    await this.running;
  }

  /**
   * Seals everything that was committed before the call.
   * @throws {LedgerBroken} when what is stored is not what was signed
   */
  async seal(): Promise<void> {
    while ((await this.database.transaction((tx) => this.sealSome(tx, true))) === ROUND_EVENTS);
  }

  private async round(): Promise<void> {
    try {
      let sealed = ROUND_EVENTS;
      while (sealed === ROUND_EVENTS && !this.stopped) {
        sealed = await this.database.transaction((tx) => this.sealSome(tx, false));
      }
      this.watch.refused(null);
    } catch (error) {
      if (error instanceof LedgerBroken) this.watch.refused(error.message);
      else this.watch.failed(error);
    }
  }

  /** Gives how many events were sealed. */
  private async sealSome(tx: Transaction, waits: boolean): Promise<number> {
    if (waits) await tree.lockLedger(tx);
    else if (!(await tree.tryLockLedger(tx))) return 0;
    const events = await readUnsealed(tx, ROUND_EVENTS);
    if (events.length === 0) return 0;
    const head = await tree.readHead(tx);
    if (head === null) throw new LedgerBroken('the ledger has lost its checkpoints');
    const { size } = head;
    if (!isSignedBy(head.note, this.verifierKey)) {
      throw new LedgerBroken(`the checkpoint of ${size} events was not signed by this process's LEDGER_SIGNING_KEY`);
    }
    const tiles = new Tiles(await tree.readTiles(tx, edgePlaces(size)));
    if (!whole(() => rootOf(size, tiles.subtree))?.equals(head.root)) {
      throw new LedgerBroken(`the stored tree of ${size} events no longer has the root that was signed`);
    }
    const forged = events.find((event) => !leafHash(event.body).equals(event.hash));
    if (forged) throw new LedgerBroken(`event ${forged.seq} of ${forged.stream} was changed before it was sealed`);
    tiles.grow(
      size,
      events.map((event) => event.hash),
    );
    const grown = { size: size + events.length, root: rootOf(size + events.length, tiles.subtree) };
    if (!isConsistent(head, grown, consistencyProof(size, grown.size, tiles.subtree))) {
      throw new LedgerBroken(`the tree of ${grown.size} events does not extend the one of ${size}`);
    }
    await placeEvents(tx, events, size);
    await tree.saveTiles(tx, tiles.changed());
    await tree.insertHead(tx, { ...grown, note: signCheckpoint({ ...grown, origin: this.origin }, this.signers) });
    return events.length;
  }
}

/** The value, or null where the record lacks what it needs. */
function whole<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
