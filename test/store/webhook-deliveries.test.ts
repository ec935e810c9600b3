import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/store/identifiers.js';
import { deliveryKey, findDelivery, saveDelivery } from '../../src/store/webhook-deliveries.js';
import type { DeliveryKey } from '../../src/store/webhook-deliveries.js';
import { isOverVolume } from '../../src/store/held-requests.js';
import { storedWork } from './stored-work.js';
import type { StoredWork } from './stored-work.js';

let work: StoredWork;
beforeAll(async () => {
  work = await storedWork();
});
afterAll(() => work.close());

const key = (id: string | null, text: string, scheme: 'github' | 'standard-webhooks' = 'github'): DeliveryKey =>
  deliveryKey(work.vault, { name: 'hub', scheme }, { id, body: Buffer.from(text) });
const save = async (delivery: DeliveryKey, id: string): Promise<void> =>
  work.database.transaction((tx) => saveDelivery(tx, delivery, { id }, null));

describe('a delivery on record', () => {
  it('is never removed, never rewritten and never there twice', async () => {
    const [item] = await work.request([{}]);
    const requestId = item?.requestId ?? '';
    await save(key('a', 'one'), requestId);
    await expect(work.query('delete from webhook_delivery')).rejects.toThrow('kept for good');
    await expect(work.query('truncate webhook_delivery')).rejects.toThrow('kept for good');
    await expect(work.query(`update webhook_delivery set request_id = null, ignored = 'event'`)).rejects.toThrow(
      'is kept',
    );
    await expect(save(key('a', 'two'), requestId)).rejects.toThrow('webhook_delivery_once');
    await expect(save(key('b', 'one'), requestId)).rejects.toThrow('webhook_delivery_body_once');
    await save(key('c', 'one', 'standard-webhooks'), requestId);
  });

  it('is known by its id, and before that by its body where nothing else is signed', async () => {
    const found = async (delivery: DeliveryKey) => {
      const known = await findDelivery(work.database, delivery);
      return known === null ? null : known.sameBody;
    };
    expect(await found(key('a', 'one'))).toBe(true);
    expect(await found(key('z', 'one'))).toBe(true);
    expect(await found(key(null, 'one'))).toBe(true);
    expect(await found(key('a', 'new'))).toBe(false);
    expect(await found(key('z', 'new'))).toBeNull();
    expect(await found(key('z', 'one', 'standard-webhooks'))).toBeNull();
    expect(await found({ ...key('a', 'one'), source: 'other' })).toBeNull();
  });
});

describe('the volume of a source', () => {
  const LIMIT = 4;
  const made = async (subject: string, minutesAgo: number): Promise<void> => {
    await work.query(
      `insert into erasure_request (id, source, actor, received_at, due_at, created_at, subject_digest)
        values ($1, 'webhook:s', 'webhook:s', now(), now(), now() - $2 * interval '1 minute', $3)`,
      [newId(), minutesAgo, Buffer.from(subject)],
    );
  };
  const over = async (subject: string, releasedAt: Date | null = null): Promise<boolean> =>
    work.database.transaction((tx) =>
      isOverVolume(tx, 'webhook:s', Buffer.from(subject), { subjectsPerHour: LIMIT, releasedAt }),
    );

  it('counts different subjects of the last hour, not requests', async () => {
    for (let no = 0; no < 5; no += 1) await made(`long ago ${no}`, 61);
    for (let no = 0; no < 3 * LIMIT; no += 1) await made('the same', 1);
    for (const subject of ['b', 'c']) await made(subject, 50);
    expect(await over('d')).toBe(false);
    await made('d', 40);
    expect([await over('e'), await over('d'), await over('the same')]).toEqual([true, false, false]);
    for (let no = 0; no < LIMIT; no += 1) await made(`flood ${no}`, 0);
    expect([await over('d'), await over(randomBytes(4).toString('hex'))]).toEqual([true, true]);
  });

  it('is counted anew from a release on', async () => {
    const [{ at } = { at: new Date(0) }] = await work.query<{ at: Date }>(`select now() - interval '30 seconds' as at`);
    expect(await over('x', new Date(at.getTime() + 60_000))).toBe(false);
    expect(await over('x', at)).toBe(true);
  });
});
