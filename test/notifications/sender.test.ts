/** A message on its way, over real HTTP, with its row as it stands after each attempt. */
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RETRY_DELAYS_MS } from '../../src/core/notification.js';
import { redeliver } from '../../src/store/notification-deliveries.js';
import { until } from '../support/until.js';
import { startReceiver, withStatus } from './receiver.js';
import type { Receiver } from './receiver.js';
import { BODY, isOver, Sending, tried } from './sending.js';

let sending: Sending;
let receiver: Receiver;
beforeAll(async () => {
  sending = await Sending.open();
});
afterAll(() => sending.real.close());
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  await sending.reset();
  await receiver.close();
});

describe('a message', () => {
  it('that is taken arrives once, signed as Standard Webhooks want it', async () => {
    const { id, secret } = await sending.endpoint(receiver.url);
    await sending.messages(id);
    await sending.sender().sendDue();
    const done = await sending.delivery(id, isOver);
    expect(done).toMatchObject({
      status: 'delivered',
      attempts: 1,
      httpStatus: 204,
      failure: null,
      nextAttemptAt: null,
    });
    const [got, ...others] = receiver.received;
    expect(others).toEqual([]);
    expect(got).toMatchObject({ method: 'POST', path: '/hooks', body: BODY });
    expect(got?.headers).toMatchObject({ 'webhook-id': done.id, 'content-type': 'application/json' });
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const headers = got?.headers as Record<string, string>;
    expect(new Webhook(secret).verify(BODY, headers)).toEqual(JSON.parse(BODY));
    expect(() => new Webhook(secret).verify(BODY.replace('09', '08'), headers)).toThrow(/signature/);
    const other = await sending.endpoint(receiver.url);
    expect(() => new Webhook(other.secret).verify(BODY, headers)).toThrow(/signature/);
  });

  it('that fails comes back by the schedule, under the same id and with the time of each attempt, and is then given up', async () => {
    const { id, secret } = await sending.endpoint(receiver.url);
    await sending.messages(id);
    receiver.answer(withStatus(500));
    const one = sending.sender();
    const attempts = RETRY_DELAYS_MS.length + 1;
    for (let tries = 1; tries <= attempts; tries += 1) {
      await one.sendDue();
      const seen = await sending.delivery(id, tried(tries));
      expect(seen).toMatchObject({ httpStatus: 500, failure: 'status' });
      if (tries === attempts) {
        expect(seen).toMatchObject({ status: 'given_up', nextAttemptAt: null });
        break;
      }
      const step = RETRY_DELAYS_MS[tries - 1] ?? 0;
      const waits = Date.parse(seen.nextAttemptAt ?? '') - Date.parse(seen.lastAttemptAt ?? '');
      expect(waits).toBeGreaterThanOrEqual(step);
      expect(waits).toBeLessThan(step * 1.1 + 5000);
      await sending.hurry(id);
    }
    await sending.hurry(id);
    await one.sendDue();
    await one.stop();
    expect(receiver.received).toHaveLength(attempts);
    expect(new Set(receiver.received.map((got) => got.headers['webhook-id'])).size).toBe(1);
    for (const got of receiver.received) {
      expect(new Webhook(secret).verify(got.body, got.headers as Record<string, string>)).toEqual(JSON.parse(BODY));
    }
    expect(sending.logged.join('\n')).toContain('a notification was given up');
  });

  it('that was given up is sent again by hand, under the same id', async () => {
    const { id } = await sending.endpoint(receiver.url);
    await sending.messages(id);
    receiver.answer(withStatus(410));
    await sending.sender().sendDue();
    const gone = await sending.delivery(id, isOver);
    expect(await redeliver(sending.real.workplace.database, { endpointId: id, deliveryId: gone.id })).toBe(
      'endpoint_disabled',
    );
    await sending.real.query('update notification_endpoint set disabled_at = null');
    receiver.answer(withStatus(200));
    const again = await redeliver(sending.real.workplace.database, { endpointId: id, deliveryId: gone.id });
    expect(again).toMatchObject({ status: 'pending', failure: null, endedAt: null });
    await sending.sender().sendDue();
    expect(await sending.delivery(id, isOver)).toMatchObject({ id: gone.id, status: 'delivered', attempts: 2 });
  });

  it('is sent by one of several workers that look at once', async () => {
    const { id } = await sending.endpoint(receiver.url);
    await sending.messages(id, 20);
    const workers = [sending.sender(), sending.sender(), sending.sender()];
    await Promise.all(workers.map((worker) => worker.sendDue()));
    await sending.over(id);
    const ids = receiver.received.map((got) => got.headers['webhook-id']);
    expect(ids).toHaveLength(20);
    expect(new Set(ids).size).toBe(20);
    expect((await sending.log(id)).map(({ attempts }) => attempts)).toEqual(Array.from({ length: 20 }, () => 1));
  });

  it('whose worker died is sent by another when the lease has ended, and what the first says is too late', async () => {
    const { id } = await sending.endpoint(receiver.url);
    await sending.messages(id);
    let release = (): void => undefined;
    receiver.answer((response) => {
      release = () => void response.writeHead(500).end();
    });
    const first = sending.sender();
    await first.sendDue();
    await until('the first attempt', () => (receiver.received.length === 1 ? true : undefined));
    const second = sending.sender();
    await second.sendDue();
    expect(receiver.received).toHaveLength(1);
    // Its lease is over by the database's clock, as if the worker had died long ago.
    await sending.real.query(`update notification_delivery set lease_until = now() - interval '1 second'`);
    const answerFirst = release;
    receiver.answer(withStatus(200));
    await second.sendDue();
    expect(await sending.delivery(id, isOver)).toMatchObject({ status: 'delivered', attempts: 2 });
    answerFirst();
    await first.stop();
    expect(await sending.log(id)).toMatchObject([{ status: 'delivered', httpStatus: 200, attempts: 2 }]);
  });
});

it('no log line tells a URL or a secret', async () => {
  const { id, secret } = await sending.endpoint(`${receiver.url}?token=tok3n`);
  await sending.messages(id);
  receiver.answer(withStatus(410));
  await sending.sender().sendDue();
  await sending.delivery(id, isOver);
  expect(receiver.received[0]?.path).toBe('/hooks?token=tok3n');
  expect(sending.logged.join('\n')).toContain(id);
  expect(sending.logged.join('\n')).not.toMatch(/tok3n|hooks|127\.0\.0\.1/);
  expect(sending.logged.join('\n')).not.toContain(secret.slice(6));
  const rows = await sending.real.query<{ row: string }>(
    'select notification_endpoint::text as row from notification_endpoint',
  );
  expect(JSON.stringify(rows)).not.toMatch(/tok3n|hooks/);
});
