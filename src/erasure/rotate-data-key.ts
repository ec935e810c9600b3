/**
 * Rotation of DATA_KEY: every living request's key and every webhook secret is wrapped anew, and every digest computed anew under a new key. Once
 * the old DATA_KEY is destroyed, nothing personal can be read or guessed out of backups made before.
 */
import type { Database, Transaction } from '../store/database.js';
import { rewrapEndpoints } from '../store/notification-endpoints.js';
import { subjectDigest } from '../store/read-requests.js';
import {
  lockInstallation,
  readItemPlaces,
  readLiving,
  rewrapSecrets,
  saveDigests,
  saveInstallation,
  saveRequestKey,
} from '../store/rotate-keys.js';
import type { ItemDigests, ItemPlace } from '../store/rotate-keys.js';
import { OpenedValues, unsealSubject } from '../store/sealed-values.js';
import type { Vault } from '../store/vault.js';
import { rotateEntries } from '../store/subject-directory.js';
import { systemNamed } from '../systems/registry.js';
import { itemDigest, laneDigest, orderOf } from './draft-items.js';

const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';

/**
 * Wraps every living request key under `newKey`, and those of the subject directory, in one transaction: all of it or
 * nothing. Gives how many requests. `vault` is the
 * one opened with the old key. Processes that still run with the old key can read and store nothing personal afterwards.
 * Digests of idempotency keys stay: they outlive shredding, so their text must not be personal.
 */
export async function rotateDataKey(database: Database, vault: Vault, newKey: Buffer): Promise<number> {
  return database.transaction(async (tx) => {
    const generation = await lockInstallation(tx);
    if (generation !== vault.generation) throw new Error('DATA_KEY was rotated by somebody else meanwhile');
    const after = vault.under(newKey);
    let rotated = 0;
    for (let last = BEFORE_ALL; ;) {
      const living = await readLiving(tx, last);
      const end = living.at(-1);
      if (!end) break;
      for (const { requestId, wrapped, subject } of living) {
        const key = vault.unwrap(requestId, wrapped);
        // Items first: their values are opened with the old wrapping.
        await rotateItems(tx, vault, after, requestId);
        const digest = subjectDigest(after, unsealSubject(key, requestId, subject).ref);
        await saveRequestKey(tx, requestId, after.wrap(requestId, key), digest);
      }
      rotated += living.length;
      last = end.requestId;
    }
    await rotateEntries(tx, vault, after);
    await rewrapEndpoints(tx, vault, after);
    await rewrapSecrets(tx, vault, after);
    await saveInstallation(tx, vault, after);
    return rotated;
  });
}

async function rotateItems(tx: Transaction, before: Vault, after: Vault, requestId: string): Promise<void> {
  for (let last = BEFORE_ALL; ;) {
    const places = await readItemPlaces(tx, requestId, last);
    const end = places.at(-1);
    if (!end) return;
    const values = await OpenedValues.read(tx, before, places);
    await saveDigests(
      tx,
      requestId,
      places.map((place) => digestsOf(after, place, values)),
    );
    last = end.id;
  }
}

function digestsOf(vault: Vault, item: ItemPlace, values: OpenedValues): ItemDigests {
  const value = values.at(item);
  const system = systemNamed(item.system);
  if (!value || !system) throw new Error(`item ${item.id} cannot be opened: nothing was rotated`);
  const kind = item.kind === 'selector' ? 'selector' : 'id';
  const asked = { system: item.system, scope: value.scope, kind, externalId: value.externalId } as const;
  const place = item.ordered ? system.place(value.scope, kind, value.externalId) : null;
  const { orderGroup, orderScope } = orderOf(vault, system.provider.name, place, item.requestId);
  return { id: item.id, digest: itemDigest(vault, asked), lane: laneDigest(vault, asked), orderGroup, orderScope };
}
