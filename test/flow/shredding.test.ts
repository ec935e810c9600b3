import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shredPastRetention } from '../../src/erasure/shred-request.js';
import { Database } from '../../src/store/database.js';
import { verifyBundle } from '../../src/verify.js';
import { REQUESTS } from '../support/api-client.js';
import type { Problem } from '../support/api-client.js';
import { dumpSchema } from '../support/dump.js';
import { startTestService } from '../support/service.js';
import type { TestService } from '../support/service.js';
import { traces } from '../support/traces.js';

const system = 'supermemory.documents';
const organizationId = 'org1';
const DONE = [{ system, ids: ['m1', 'm2'] }];
const REFUSED = [{ system: 'velt.documents', organizationId, documentIds: ['d1', 'd2~fault:denied~'] }];

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(async () => service.installation.close());

const text = async (path: string) => (await service.api.call('GET', path)).text;
const shred = (id: string, body?: object) =>
  service.api.call<Problem & { shreddedAt: string; subject: null }>('POST', `${REQUESTS}/${id}/shred`, body);

async function settled(targets: readonly object[], more: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const { id } = await service.api.erase(targets, more);
  await service.api.settled(id);
  return id;
}

describe('shredding', () => {
  it('is done once, and answers the same again', async () => {
    const id = await settled(DONE);
    const first = await shred(id);
    expect([first.status, first.body.subject]).toEqual([200, null]);
    const second = await shred(id, {});
    expect([second.status, second.body.shreddedAt]).toEqual([200, first.body.shreddedAt]);
  });

  it('leaves evidence that still verifies, and says who did it', async () => {
    const id = await settled(DONE);
    const key = (await text('/v1/ledger/public-key')).trim();
    const before = await text(`${REQUESTS}/${id}/evidence`);
    // A hash in Base64 may hold the two letters by chance.
    const value = /externalId\W+m1\W/;
    expect(before).toMatch(value);
    expect((await shred(id)).status).toBe(200);
    const after = await text(`${REQUESTS}/${id}/evidence`);
    expect(after).not.toMatch(value);
    expect(verifyBundle(after, key, null)).toBeDefined();
    const { data } = await service.api.expect<{ data: { type: string; actor: string }[] }>(
      200,
      'GET',
      `${REQUESTS}/${id}/events`,
    );
    expect(data.map(({ type }) => type)).toEqual(['received', 'call', 'settled', 'exported', 'shredded', 'exported']);
    expect(data.find(({ type }) => type === 'shredded')?.actor).toMatch(/^key_/);
  });

  it('waits until nothing is pending', async () => {
    service.sandbox.faults.add({ rules: [{ fault: 'latency:1500', times: 1 }] });
    const body = { subject: { ref: 'user_42' }, targets: DONE };
    const { id } = await service.api.expect<{ id: string }>(202, 'POST', REQUESTS, body);
    const early = await shred(id, { abandon: true });
    expect([early.status, early.body.type]).toEqual([409, 'urn:expunge:problem:not_settled']);
    await service.api.settled(id);
    expect((await service.api.request(id)).subject).not.toBeNull();
  });

  it('leaves a request in attention its values, unless it is abandoned', async () => {
    const id = await settled(REFUSED);
    const refused = await shred(id);
    expect([refused.status, refused.body.type]).toEqual([409, 'urn:expunge:problem:needs_attention']);
    expect((await shred(id, { abandon: false })).status).toBe(409);
    expect((await service.api.request(id)).subject).not.toBeNull();
    expect((await shred(id, { abandon: true })).status).toBe(200);
    expect((await service.api.request(id)).status).toBe('attention');
  });

  it('refuses a body that it does not know, and an id that nobody has', async () => {
    const id = await settled(DONE);
    const wrong = await shred(id, { abandon: 'yes' });
    expect(wrong.body.errors).toEqual([{ path: '/abandon', message: 'must be true or false' }]);
    expect((await shred('0193b1d0-0000-7000-8000-000000000000')).status).toBe(404);
  });

  it('leaves nothing of a planted value in the database, not even sealed', async () => {
    const token = `zq${randomBytes(12).toString('hex')}`;
    const targets = [
      ...DONE,
      { system, ids: [`m ${token}`] },
      {
        system: 'velt.documents',
        organizationId: token,
        documentIds: [`d ${token}~fault:unknown-text:said ${token}~`],
      },
    ];
    const id = await settled(targets, { subject: { ref: token }, note: token });
    expect((await shred(id, { abandon: true })).status).toBe(200);
    expect(traces(token, { database: await dumpSchema(service.database.pool, 'public') })).toEqual([]);
    const [left] = await service.sql<{ sealed: number; digests: number }>(
      `select (select count(*)::int from sealed_block where request_id = $1) + (select count(*)::int from attempt_part
          where request_id = $1 and sealed is not null) + (select count(*)::int from request_key where request_id = $1) as sealed,
        (select count(*)::int from item where request_id = $1 and (digest is not null or lane is not null
          or order_group is not null or order_scope is not null)) as digests`,
      [id],
    );
    expect(left).toEqual({ sealed: 0, digests: 0 });
  });
});

describe('retention', () => {
  const settledDaysAgo = async (id: string, days: number): Promise<void> => {
    await service.sql(`update erasure_request set settled_at = now() - $2 * interval '1 day' where id = $1`, [
      id,
      days,
    ]);
  };
  const isShredded = async (id: string): Promise<boolean> => (await service.api.request(id)).shreddedAt !== null;

  it('shreds what was completed or cancelled longer ago than its days, and nothing else', async () => {
    const database = new Database(service.database.pool);
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
    const [old, recent, attention, resolvedLately] = [
      await settled(DONE),
      await settled(DONE),
      await settled(REFUSED),
      await settled(REFUSED),
    ];
    for (const id of [old, attention, resolvedLately]) await settledDaysAgo(id, 31);
    await settledDaysAgo(recent, 29);
    const [open] = await service.api.items(resolvedLately, 'outcome=failed');
    const how = { resolution: 'waived', reason: 'gone with the old servers' };
    await service.api.expect(200, 'POST', `${REQUESTS}/${resolvedLately}/items/${open?.id}/resolve`, how);
    expect((await service.api.request(resolvedLately)).status).toBe('completed');

    expect(await shredPastRetention({ database, log }, null)).toBe(0);
    expect(await isShredded(old)).toBe(false);
    expect(await shredPastRetention({ database, log }, 30)).toBe(1);
    expect(await Promise.all([old, recent, attention, resolvedLately].map(isShredded))).toEqual([
      true,
      false,
      false,
      false,
    ]);
    await service.sql(
      `update item set resolved_at = now() - interval '31 days' where request_id = $1 and resolved_at is not null`,
      [resolvedLately],
    );
    expect(await shredPastRetention({ database, log }, 30)).toBe(1);
    expect(await isShredded(resolvedLately)).toBe(true);
    await database.prisma.$disconnect();
  });
});
