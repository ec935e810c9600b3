/** How many attempts go on at once, and to whom. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../support/until.js';
import { startReceiver } from './receiver.js';
import type { Receiver } from './receiver.js';
import { Sending } from './sending.js';

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

describe('receivers that are dead', () => {
  it('do not keep a healthy one waiting, however much is due to them', async () => {
    const dead = await startReceiver();
    dead.answer(() => undefined);
    for (let n = 0; n < 6; n += 1) await sending.messages((await sending.endpoint(dead.url)).id, 50);
    const one = sending.sender({ totalMs: 400 }, { slots: 4, failingSlots: 2, perEndpoint: 2 });
    await one.sendDue();
    // Until each of them has shown that it is dead, they may fill every place.
    await until('them to fail', async () => {
      const [row] = await sending.real.query<{ n: number }>(
        'select count(*)::int as n from notification_endpoint where failing',
      );
      return row?.n === 6 ? true : undefined;
    });
    const healthy = await sending.endpoint(receiver.url);
    await sending.messages(healthy.id, 10);
    const asked = dead.received.length;
    await one.sendDue();
    await until('the healthy one to have all', () => (receiver.received.length === 10 ? true : undefined));
    // The dead ones had 300 messages due, each of which would have taken its whole time.
    expect(dead.received.length - asked).toBeLessThan(100);
    await dead.close();
  });

  it('never have more attempts at once than there are places', async () => {
    let open = 0;
    let most = 0;
    const slow = await startReceiver();
    slow.answer((response) => {
      open += 1;
      most = Math.max(most, open);
      setTimeout(() => {
        open -= 1;
        response.writeHead(204).end();
      }, 20);
    });
    for (let n = 0; n < 5; n += 1) await sending.messages((await sending.endpoint(slow.url)).id, 6);
    await sending.sender({}, { slots: 3, failingSlots: 1, perEndpoint: 2 }).sendDue();
    await until('all to arrive', () => (slow.received.length === 30 ? true : undefined));
    expect(most).toBeLessThanOrEqual(3);
    await slow.close();
  });
});
