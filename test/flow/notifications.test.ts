/** What the service tells of, over real HTTP, as it happens. */
import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.js';
import { notifyDeadlines } from '../../src/erasure/notify.js';
import { rotateInstallation } from '../../src/rotation.js';
import { Database } from '../../src/store/database.js';
import { PROVIDERS } from '../../src/systems/registry.js';
import { startReceiver, withStatus } from '../notifications/receiver.js';
import type { Receiver } from '../notifications/receiver.js';
import { openInstallation } from '../support/service.js';
import type { Installation, TestService } from '../support/service.js';
import { until } from '../support/until.js';

interface Told {
  readonly type: string;
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const ENDPOINTS = '/v1/notification-endpoints';
const DATA_KEY = randomBytes(32).toString('base64');
const targets = [{ system: 'supermemory.documents', ids: ['m1', 'm2'] }];

let installation: Installation;
let service: TestService;
let receiver: Receiver;
let endpoint: { readonly id: string; readonly secret: string };
beforeAll(async () => {
  installation = await openInstallation({
    env: { ALLOW_PRIVATE_ENDPOINTS: 'true', DATA_KEY },
    sandbox: { seed: { supermemoryDocuments: [{ id: 'm1' }, { id: 'm2' }] } },
  });
  service = await installation.start();
});
afterAll(() => installation.close());
beforeEach(async () => {
  receiver = await startReceiver();
  endpoint = await service.api.expect(201, 'POST', ENDPOINTS, { url: receiver.url });
});
afterEach(async () => {
  installation.sandbox.faults.clear();
  await service.sql('delete from notification_endpoint');
  await receiver.close();
});

/** What was told so far, each message verified. */
function told(): Told[] {
  const webhook = new Webhook(endpoint.secret);
  return receiver.received.map(({ body, headers }) => webhook.verify(body, headers as Record<string, string>) as Told);
}

/** The messages of a type, once there are so many. */
async function toldOf(type: string, count = 1): Promise<Told[]> {
  const found = () => told().filter((one) => one.type === type);
  await until(`${count} × ${type}`, () => (found().length >= count ? true : undefined), {
    state: async () => ({
      told: told(),
      rows: await service.sql('select event, status, failure from notification_delivery'),
    }),
  });
  return found();
}

describe('a request', () => {
  it('that is completed is told of once, with counts and nothing personal', async () => {
    const { id } = await service.api.erase(targets, { subject: { ref: 'user_42' }, note: 'ticket 8841' });
    const [message] = await toldOf('request.completed');
    expect(message?.data).toMatchObject({
      requestId: id,
      status: 'completed',
      source: 'api',
      counts: { total: 2, pending: 0, erased: 2, failed: 0 },
      warnings: [],
    });
    expect(Date.parse(message?.timestamp ?? '')).toBe(Date.parse(String(message?.data['settledAt'])));
    expect(receiver.received[0]?.body).not.toMatch(/user_42|8841|m1|m2|key_/);
    expect(told()).toHaveLength(1);
  });

  it('that leaves something open says so, and is told of again when a person closes the last of it', async () => {
    installation.sandbox.faults.forId('kept1', 'denied');
    installation.sandbox.faults.forId('kept2', 'denied');
    const asked = [{ system: 'velt.documents', organizationId: 'org1', documentIds: ['kept1', 'kept2'] }];
    const { id, status } = await service.api.erase(asked);
    expect(status).toBe('attention');
    const [open] = await toldOf('request.attention');
    expect(open?.data).toMatchObject({ requestId: id, status: 'attention', counts: { total: 2, failed: 2 } });
    for (const item of await service.api.items(id)) {
      expect(told().map(({ type }) => type)).not.toContain('request.completed');
      const how = { resolution: 'waived', reason: 'Legal hold' };
      await service.api.expect(200, 'POST', `/v1/erasure-requests/${id}/items/${item.id}/resolve`, how);
    }
    const [closed] = await toldOf('request.completed');
    expect(closed?.data).toMatchObject({
      requestId: id,
      status: 'completed',
      warnings: [{ code: 'resolved_by_hand', system: 'velt.documents' }],
    });
    expect(told().map(({ type }) => type)).toEqual(['request.attention', 'request.completed']);
  });

  it('that is sent again and fails again is told of again', async () => {
    installation.sandbox.faults.forId('kept3', 'denied');
    const asked = [{ system: 'velt.documents', organizationId: 'org1', documentIds: ['kept3'] }];
    const { id } = await service.api.erase(asked);
    await toldOf('request.attention');
    await service.api.expect(202, 'POST', `/v1/erasure-requests/${id}/retry`);
    await toldOf('request.attention', 2);
  });

  it('that saw nothing exist is told of with its warning', async () => {
    const { id } = await service.api.erase([{ system: 'supermemory.documents', ids: ['never-seen'] }]);
    const [message] = await toldOf('request.completed');
    expect(message?.data).toMatchObject({
      requestId: id,
      warnings: [{ code: 'all_absent', system: 'supermemory.documents' }],
    });
  });
});

describe('a system', () => {
  it('whose credentials are refused is told of once for each closing, however many calls are refused; cancelled requests are not', async () => {
    installation.sandbox.faults.always('401', 'velt');
    const asked = ['o1', 'o2', 'o3', 'o4'].map((organizationId) => {
      return { system: 'velt.documents', organizationId, documentIds: ['d1'] };
    });
    const { id } = await service.api.submit({ targets: asked });
    const messages = await toldOf('system.blocked', 2);
    expect(messages.map(({ data }) => String(data['system'])).toSorted()).toEqual(['velt.comments', 'velt.documents']);
    expect(messages[0]?.data).toMatchObject({ provider: 'velt', reason: 'credentials' });
    await service.api.expect(200, 'POST', '/v1/systems/velt.documents/resume');
    await toldOf('system.blocked', 4);
    await service.api.expect(200, 'POST', `/v1/erasure-requests/${id}/cancel`);
    const about = await service.sql('select event from notification_delivery where about = $1', [id]);
    expect(about).toEqual([]);
    expect(told()).toHaveLength(4);
    installation.sandbox.faults.clear();
    await service.api.expect(200, 'POST', '/v1/systems/velt.documents/resume');
  });
});

describe('a deadline', () => {
  it('is told of once when it is near and once when it is over, however many workers look', async () => {
    installation.sandbox.faults.always('503', 'supermemory');
    const [soon, late, far] = await Promise.all(
      ['s', 'l', 'f'].map((ref) => service.api.submit({ subject: { ref }, targets })),
    );
    const dueIn = (id: string | undefined, when: string) =>
      service.sql(`update erasure_request set due_at = now() + $2::interval where id = $1`, [id, when]);
    await dueIn(soon?.id, '6 days 23 hours');
    await dueIn(late?.id, '-1 second');
    await dueIn(far?.id, '7 days 1 hour');
    const workers = Array.from({ length: 4 }, () => Database.open(installation.database.url, 1, () => undefined));
    for (let round = 0; round < 3; round += 1) await Promise.all(workers.map((worker) => notifyDeadlines(worker)));
    const rows = () =>
      service.sql(
        `select event, about from notification_delivery where event ~ 'due' order by event, about = $1 desc`,
        [late?.id],
      );
    const first = [
      { event: 'request.due_soon', about: soon?.id },
      { event: 'request.overdue', about: late?.id },
    ];
    expect(await rows()).toEqual(first);
    await dueIn(soon?.id, '-1 second');
    await Promise.all(workers.map((worker) => notifyDeadlines(worker)));
    expect(await rows()).toEqual([...first, { event: 'request.overdue', about: soon?.id }]);
    await Promise.all(workers.map((worker) => worker.close()));
    // A worker that starts looks at once, and sends what others found.
    const other = await installation.start({ role: 'worker' });
    const [message] = await toldOf('request.due_soon');
    expect(message?.data).toMatchObject({ requestId: soon?.id, counts: { pending: 2 }, settledAt: null });
    await toldOf('request.overdue', 2);
    await other.stop();
    installation.sandbox.faults.clear();
    for (const request of [soon, late, far]) await service.api.settled(request?.id ?? '');
  });
});

describe('an endpoint', () => {
  it('that is deleted while requests settle holds nobody up', async () => {
    const others = await Promise.all(
      Array.from({ length: 5 }, () =>
        service.api.expect<{ id: string }>(201, 'POST', ENDPOINTS, { url: receiver.url }),
      ),
    );
    const asked = Array.from({ length: 10 }, (_, n) => service.api.erase(targets, { subject: { ref: `u${n}` } }));
    for (const { id } of others) await service.api.expect(204, 'DELETE', `${ENDPOINTS}/${id}`);
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(
      Array.from({ length: 10 }, () => 'completed'),
    );
    const rows = await service.sql('select 1 from notification_delivery where endpoint_id <> $1', [endpoint.id]);
    expect(rows).toEqual([]);
  });

  it('wants only the events that it named', async () => {
    await service.sql('delete from notification_endpoint');
    endpoint = await service.api.expect(201, 'POST', ENDPOINTS, { url: receiver.url, events: ['request.overdue'] });
    await service.api.erase(targets);
    expect(await service.sql('select event from notification_delivery')).toEqual([]);
  });

  it('is sent what failed again by hand, without waiting for its time', async () => {
    receiver.answer(withStatus(500));
    await service.api.erase(targets);
    const path = `${ENDPOINTS}/${endpoint.id}/deliveries`;
    const failed = await until('a failed attempt', async () => {
      const page = await service.api.expect<{ data: { id: string; failure: string | null }[] }>(200, 'GET', path);
      return page.data.find((one) => one.failure === 'status');
    });
    receiver.answer(withStatus(200));
    await service.api.expect(202, 'POST', `${path}/${failed.id}/redeliver`);
    await until('it to be delivered', async () => {
      const page = await service.api.expect<{ data: { status: string }[] }>(200, 'GET', path);
      return page.data.some((one) => one.status === 'delivered') ? true : undefined;
    });
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([failed.id]));
  });

  it('signs with the same secret after a rotation of DATA_KEY', async () => {
    await service.stop();
    const DATA_KEY_NEXT = randomBytes(32).toString('base64');
    await rotateInstallation(readConfig({ ...installation.env, DATA_KEY_NEXT }, PROVIDERS));
    service = await installation.start({ env: { DATA_KEY: DATA_KEY_NEXT } });
    await service.api.erase(targets);
    expect(await toldOf('request.completed')).toHaveLength(1);
  });
});

it('no log line tells a URL', () => {
  expect(service.logged.join('\n')).not.toMatch(/\/hooks|whsec_/);
});
