/** Taking in what a webhook source sends: verified over its bytes, answered once, and never twice acted upon. */
import { randomBytes } from 'node:crypto';
import { secretKey, verifyDelivery } from '../core/webhook-signature.js';
import type { Delivery, Scheme } from '../core/webhook-signature.js';
import type { Transaction } from '../store/database.js';
import { isOverVolume } from '../store/held-requests.js';
import { newId } from '../store/identifiers.js';
import { subjectDigest } from '../store/read-requests.js';
import { deliveryKey, findDelivery, saveDelivery } from '../store/webhook-deliveries.js';
import type { DeliveryAnswer, DeliveryKey, KnownDelivery } from '../store/webhook-deliveries.js';
import { lockSource, readSource, requestSource } from '../store/webhook-sources.js';
import { understand } from './source-mapping.js';
import type { Understood } from './source-mapping.js';
import { storeRequests } from './store-requests.js';
import type { Submission } from './store-requests.js';
import type { Workplace } from './workplace.js';

export type Accepted =
  /** `replayed`: the same was answered before. */
  | { readonly kind: 'answered'; readonly answer: DeliveryAnswer; readonly replayed: boolean }
  | { readonly kind: 'unauthorized' }
  | Exclude<Understood, { readonly kind: 'asks' | 'ignored' }>;

type Acting = Extract<Understood, { readonly kind: 'asks' | 'ignored' }>;

/** The key of no source: what comes for an unknown one is hashed as long as what comes for a known one. */
const NOBODYS_KEY = randomBytes(32);

/**
 * Takes in a delivery for the source of that name. The answer is the same whether there is no such source or the signature
 * does not hold, and until it does nothing is stored. Request and delivery are stored in one transaction; deliveries of one
 * source come one after the other. Throws when the database is away: the sender tries again.
 */
export async function acceptDelivery(
  workplace: Workplace,
  name: string,
  delivery: Delivery,
  nowMs: number,
): Promise<Accepted> {
  const { database, vault, log } = workplace;
  const source = await readSource(database, vault, name);
  const scheme = source?.scheme ?? 'standard-webhooks';
  const keys = source?.secrets.flatMap((secret) => secretKey(scheme, secret) ?? []) ?? [NOBODYS_KEY];
  const verdict = verifyDelivery(scheme, keys, delivery, nowMs);
  if (source === null || !verdict.ok) {
    const reason = source === null || verdict.ok ? 'unknown_source' : verdict.reason;
    log.warn({ source: source?.name ?? null, reason }, 'a webhook delivery was refused: its signature does not hold');
    return { kind: 'unauthorized' };
  }
  const key = deliveryKey(vault, source, { id: verdict.deliveryId, body: delivery.body });
  const known = await findDelivery(database, key);
  if (known !== null && isFinal(known, scheme)) return again(workplace, source.name, known);
  const understood = understand(workplace, source, delivery);
  if (understood.kind !== 'asks' && understood.kind !== 'ignored') {
    log.warn({ source: source.name, reason: understood.kind }, 'a webhook delivery was refused: nothing was started');
    return understood;
  }
  const acted = await database.transaction((tx) => act(tx, workplace, key, { understood, scheme }));
  if (acted.kind === 'not_configured') {
    log.warn({ source: source.name, reason: acted.kind }, 'a webhook delivery was refused: nothing was started');
    return acted;
  }
  if (acted.kind !== 'acted')
    return acted.kind === 'gone' ? { kind: 'unauthorized' } : again(workplace, source.name, acted.known);
  if (acted.held !== null) {
    log.warn(
      { source: source.name, held: acted.held },
      'a request is held: its source asks for more than it may in an hour',
    );
  }
  if ('ignored' in acted.answer) {
    log.info({ source: source.name, reason: acted.answer.reason }, 'a webhook delivery was ignored');
  }
  workplace.doorbell.ring(acted.systems);
  return { kind: 'answered', answer: acted.answer, replayed: acted.replayed };
}

type NotConfigured = Extract<Understood, { readonly kind: 'not_configured' }>;

type Acted =
  | { readonly kind: 'gone' }
  | NotConfigured
  | { readonly kind: 'known'; readonly known: KnownDelivery }
  | {
      readonly kind: 'acted';
      readonly answer: DeliveryAnswer;
      readonly replayed: boolean;
      readonly held: 'volume' | null;
      readonly systems: readonly string[];
    };

/** What was ignored is looked at again: a mapping, a list of events or the directory may know more by now. */
async function act(
  tx: Transaction,
  workplace: Workplace,
  key: DeliveryKey,
  { understood, scheme }: { readonly understood: Acting; readonly scheme: Scheme },
): Promise<Acted> {
  const limits = await lockSource(tx, key.source);
  if (limits === null) return { kind: 'gone' };
  const known = await findDelivery(tx, key);
  if (known !== null && isFinal(known, scheme)) return { kind: 'known', known };
  const stored =
    understood.kind === 'asks' ? await store(tx, workplace, key.source, understood.submission, limits) : null;
  // Not remembered: the sender comes again, and then the credentials may be there.
  if (stored !== null && 'kind' in stored) return stored;
  const answer: DeliveryAnswer = stored
    ? { id: stored.id }
    : { ignored: true, reason: understood.kind === 'ignored' ? understood.reason : 'unknown_subject' };
  const replayed = known !== null && JSON.stringify(known.answer) === JSON.stringify(answer);
  if (!replayed) await saveDelivery(tx, key, answer, known);
  return { kind: 'acted', answer, replayed, held: stored?.held ?? null, systems: stored?.systems ?? [] };
}

interface StoredRequest {
  readonly id: string;
  readonly held: 'volume' | null;
  readonly systems: readonly string[];
}

/** Gives null where nothing is known of the subject. */
async function store(
  tx: Transaction,
  workplace: Workplace,
  name: string,
  submission: Submission,
  limits: { readonly subjectsPerHour: number; readonly releasedAt: Date | null },
): Promise<StoredRequest | NotConfigured | null> {
  const id = newId();
  const source = requestSource(name);
  const subject = subjectDigest(workplace.vault, submission.subjectRef);
  const held = (await isOverVolume(tx, source, subject, limits)) ? 'volume' : null;
  const request = { id, submission, actor: source, source, idempotency: null, held } as const;
  const [stored] = await storeRequests(tx, workplace, [request]);
  if (!stored || stored.kind === 'key_taken') throw new Error('a request without an idempotency key was not stored');
  if (stored.kind === 'unknown_subject') return null;
  if (stored.kind === 'not_configured') return stored;
  return { id, held, systems: held === null ? stored.systems : [] };
}

/**
 * It acted, or its id now comes with another body: the first answer stands. GitHub signs neither the event's name nor a
 * time, and its bodies have no shape of their own: one that was ignored must not act years later, or under another name.
 */
function isFinal(known: KnownDelivery, scheme: Scheme): boolean {
  return scheme === 'github' || 'id' in known.answer || !known.sameBody;
}

function again(workplace: Workplace, source: string, known: KnownDelivery): Accepted {
  if (!known.sameBody) {
    workplace.log.warn({ source }, 'a webhook delivery came again with another body: the first answer stands');
  }
  return { kind: 'answered', answer: known.answer, replayed: true };
}
