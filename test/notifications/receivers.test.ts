/** Receivers that answer in every way they can. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../support/until.js';
import { CERTIFICATE, CERTIFICATE_KEY } from '../systems/certificate.js';
import { startReceiver, withStatus } from './receiver.js';
import type { Receiver } from './receiver.js';
import { isOver, Sending, tried } from './sending.js';

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

describe('a receiver', () => {
  it('that answers 410 is sent nothing more, and what waits is given up', async () => {
    const { id } = await sending.endpoint(receiver.url);
    await sending.messages(id, 8);
    receiver.answer(withStatus(410));
    const one = sending.sender();
    await one.sendDue();
    await sending.over(id);
    const rows = await sending.log(id);
    expect(rows.every(({ status }) => status === 'given_up')).toBe(true);
    expect(rows.map(({ failure }) => failure)).toContain('disabled');
    const sent = receiver.received.length;
    await sending.messages(id);
    await one.sendDue();
    await one.tidy();
    await one.stop();
    expect(receiver.received).toHaveLength(sent);
    expect((await sending.log(id)).every(isOver)).toBe(true);
  });

  it.each([429, 502, 503, 504])(
    'that answers %i with Retry-After is left alone so long, by all messages',
    async (status) => {
      const { id } = await sending.endpoint(receiver.url);
      await sending.messages(id);
      receiver.answer(withStatus(status, { 'retry-after': '3600' }));
      const one = sending.sender();
      await one.sendDue();
      const seen = await sending.delivery(id, tried(1));
      const waits = Date.parse(seen.nextAttemptAt ?? '') - Date.parse(seen.lastAttemptAt ?? '');
      expect(waits).toBeGreaterThanOrEqual(3_600_000);
      expect(waits).toBeLessThan(3_605_000);
      await sending.messages(id);
      await one.sendDue();
      expect(receiver.received).toHaveLength(1);
      await sending.hurry(id);
      await one.sendDue();
      await until('both to be tried', () => (receiver.received.length >= 2 ? true : undefined));
    },
  );

  it('that redirects has not taken it', async () => {
    const { id } = await sending.endpoint(receiver.url);
    const elsewhere = await startReceiver();
    await sending.messages(id);
    receiver.answer(withStatus(307, { location: elsewhere.url }));
    await sending.sender().sendDue();
    expect(await sending.delivery(id, tried(1))).toMatchObject({
      status: 'pending',
      httpStatus: 307,
      failure: 'status',
    });
    expect(elsewhere.connections()).toBe(0);
    await elsewhere.close();
  });

  it('that answers 200 and then a gigabyte is cut off at some kilobytes', async () => {
    const { id } = await sending.endpoint(receiver.url);
    await sending.messages(id);
    let written = 0;
    let cut = false;
    receiver.answer((response) => {
      response.writeHead(200);
      const chunk = Buffer.alloc(64 * 1024);
      response.on('close', () => (cut = true));
      const more = (): void => {
        while (!cut && written < 1024 ** 3) {
          written += chunk.length;
          if (!response.write(chunk)) return void response.once('drain', more);
        }
      };
      more();
    });
    await sending.sender().sendDue();
    expect(await sending.delivery(id, isOver)).toMatchObject({ status: 'delivered', httpStatus: 200 });
    await until('the connection to end', () => (cut ? true : undefined));
    expect(written).toBeLessThan(64 * 1024 * 1024);
  });

  it('that never ends its answer is cut off in time, and has taken the message', async () => {
    const { id } = await sending.endpoint(receiver.url);
    await sending.messages(id);
    receiver.answer((response) => void response.writeHead(200).write('{'));
    await sending.sender({ totalMs: 300 }).sendDue();
    expect(await sending.delivery(id, isOver)).toMatchObject({ status: 'delivered', httpStatus: 200 });
  });

  it('that never answers is a timeout, one that hangs up a reset, one that is not there no connection', async () => {
    const { id } = await sending.endpoint(receiver.url);
    await sending.messages(id);
    receiver.answer(() => undefined);
    const one = sending.sender({ totalMs: 300 });
    await one.sendDue();
    expect(await sending.delivery(id, tried(1))).toMatchObject({ httpStatus: null, failure: 'timeout' });
    receiver.answer((response) => response.destroy());
    await sending.hurry(id);
    await one.sendDue();
    expect(await sending.delivery(id, tried(2))).toMatchObject({ httpStatus: null, failure: 'reset' });
    await receiver.close();
    await sending.hurry(id);
    await one.sendDue();
    expect(await sending.delivery(id, tried(3))).toMatchObject({ httpStatus: null, failure: 'connection' });
  });

  it('is believed over TLS only with a certificate that is trusted', async () => {
    const secure = await startReceiver({ tls: { key: CERTIFICATE_KEY, cert: CERTIFICATE } });
    const { id } = await sending.endpoint(secure.url);
    await sending.messages(id);
    await sending.sender().sendDue();
    expect(await sending.delivery(id, tried(1))).toMatchObject({ failure: 'tls' });
    expect(secure.received).toEqual([]);
    await sending.hurry(id);
    await sending.sender({ ca: CERTIFICATE }).sendDue();
    expect(await sending.delivery(id, isOver)).toMatchObject({ status: 'delivered' });
    await secure.close();
  });

  it('that private addresses were once allowed for is blocked when they no longer are', async () => {
    const { id } = await sending.endpoint(receiver.url);
    await sending.messages(id);
    await sending.sender({ allowPrivate: false }).sendDue();
    expect(await sending.delivery(id, tried(1))).toMatchObject({ status: 'pending', failure: 'blocked' });
    expect(receiver.connections()).toBe(0);
  });
});
