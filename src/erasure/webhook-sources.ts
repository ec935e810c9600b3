/** Webhook sources: made, given a new secret, changed, removed; and what they have held let go. */
import { appendEvents } from '../ledger/append.js';
import { randomBytes } from 'node:crypto';
import { SECRETS_MAX, secretText } from '../core/webhook-signature.js';
import type { Scheme } from '../core/webhook-signature.js';
import { anyHeld, markReleased, releaseSome } from '../store/held-requests.js';
import { newId } from '../store/identifiers.js';
import {
  changeSource,
  deleteSecret,
  deleteSource,
  insertSecret,
  insertSource,
  lockSource,
  readSecretIds,
  requestSource,
} from '../store/webhook-sources.js';
import type { SourceDefinition } from '../store/webhook-sources.js';
import type { Workplace } from './workplace.js';

const SECRET_BYTES = 32;
/** Held requests let go in one transaction. */
const RELEASED_TOGETHER = 200;

/** A secret that was made, to be shown this once; null when it was given. */
export interface MadeSecret {
  readonly kind: 'made';
  readonly secret: string | null;
}

/** Stores a source that was checked, with its first secret. */
export async function makeSource(
  workplace: Workplace,
  definition: SourceDefinition,
  given: string | null,
): Promise<MadeSecret | { readonly kind: 'source_exists' }> {
  const secret = given ?? freshSecret(definition.scheme);
  return workplace.database.transaction(async (tx) => {
    if (!(await insertSource(tx, definition))) return { kind: 'source_exists' };
    await insertSecret(tx, workplace.vault, newId(), definition.name, secret);
    return { kind: 'made', secret: given === null ? secret : null };
  });
}

/** Adds a secret beside the one that a source has: deliveries signed with either count until the older is removed. */
export async function addSecret(
  workplace: Workplace,
  source: { readonly name: string; readonly scheme: Scheme },
  given: string | null,
): Promise<MadeSecret | { readonly kind: 'not_found' | 'secrets_full' }> {
  const secret = given ?? freshSecret(source.scheme);
  return workplace.database.transaction(async (tx) => {
    if ((await lockSource(tx, source.name)) === null) return { kind: 'not_found' };
    if ((await readSecretIds(tx, source.name)).length >= SECRETS_MAX) return { kind: 'secrets_full' };
    await insertSecret(tx, workplace.vault, newId(), source.name, secret);
    return { kind: 'made', secret: given === null ? secret : null };
  });
}

/** Removes the older of two secrets. The last one stays: without it nothing could be verified. */
export async function removeOlderSecret(
  workplace: Workplace,
  name: string,
): Promise<{ readonly kind: 'removed' | 'not_found' | 'last_secret' }> {
  return workplace.database.transaction(async (tx) => {
    if ((await lockSource(tx, name)) === null) return { kind: 'not_found' };
    const [older, newer] = await readSecretIds(tx, name);
    if (older === undefined || newer === undefined) return { kind: 'last_secret' };
    await deleteSecret(tx, older);
    return { kind: 'removed' };
  });
}

/** Sets beyond how many different subjects an hour the requests of a source are held. False when there is none. */
export async function setVolume(workplace: Workplace, name: string, subjectsPerHour: number): Promise<boolean> {
  return workplace.database.transaction(async (tx) => {
    if ((await lockSource(tx, name)) === null) return false;
    await changeSource(tx, name, subjectsPerHour);
    return true;
  });
}

/** Removes a source. What came from it stays, and its deliveries stay known; nothing may be held. */
export async function removeSource(
  workplace: Workplace,
  name: string,
): Promise<{ readonly kind: 'removed' | 'not_found' | 'requests_held' }> {
  return workplace.database.transaction(async (tx) => {
    if ((await lockSource(tx, name)) === null) return { kind: 'not_found' };
    if (await anyHeld(tx, requestSource(name))) return { kind: 'requests_held' };
    await deleteSource(tx, name);
    return { kind: 'removed' };
  });
}

/**
 * Lets go all requests of a source that are held now, and counts its subjects anew from here on. Gives how many, or null
 * when there is no such source. Cut short, it has let some go; called again, it does the rest.
 */
export async function releaseHeld(workplace: Workplace, name: string, actor: string): Promise<number | null> {
  const { database, doorbell } = workplace;
  const until = await database.transaction((tx) => markReleased(tx, name));
  if (until === null) return null;
  for (let released = 0; ;) {
    const some = await database.transaction(async (tx) => {
      const freed = await releaseSome(tx, requestSource(name), until, RELEASED_TOGETHER);
      await appendEvents(
        tx,
        freed.requests.map((stream) => ({ stream, type: 'released', actor, data: {} })),
      );
      return freed;
    });
    if (some.requests.length === 0) return released;
    released += some.requests.length;
    doorbell.ring(some.systems);
  }
}

function freshSecret(scheme: Scheme): string {
  return secretText(scheme, randomBytes(SECRET_BYTES));
}
