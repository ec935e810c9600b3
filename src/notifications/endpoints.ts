/** Making an endpoint. */
import { NOTIFICATION_EVENTS } from '../core/notification.js';
import type { NotificationEvent } from '../core/notification.js';
import type { Database } from '../store/database.js';
import { newId } from '../store/identifiers.js';
import { insertEndpoint } from '../store/notification-endpoints.js';
import type { EndpointResource } from '../store/notification-endpoints.js';
import type { Vault } from '../store/vault.js';
import { makeSecret, showSecret } from './signature.js';

/** An endpoint as it is answered once: with its secret. */
export interface MadeEndpoint extends EndpointResource {
  readonly secret: string;
}

/**
 * Makes an endpoint with a secret of its own, that is told of `events` (null: all there are). `url` was checked by
 * checkEndpointUrl. Null when there are as many endpoints as there may be.
 */
export async function makeEndpoint(
  database: Database,
  vault: Vault,
  url: URL,
  events: readonly NotificationEvent[] | null,
): Promise<MadeEndpoint | null> {
  const secret = makeSecret();
  const wanted = NOTIFICATION_EVENTS.filter((event) => events === null || events.includes(event));
  const made = await insertEndpoint(database, vault, { id: newId(), url: url.href, secret, events: wanted });
  return made === null ? null : { ...made, secret: showSecret(secret) };
}
