/** Senders on a real database, endpoints that stand for a receiver on loopback, and messages before them. */
import { randomUUID } from 'node:crypto';
import { makeEndpoint } from '../../src/notifications/endpoints.js';
import type { PostRules } from '../../src/notifications/post.js';
import { Sender, SENDER_LIMITS } from '../../src/notifications/sender.js';
import type { SenderLimits } from '../../src/notifications/sender.js';
import { listDeliveries } from '../../src/store/notification-deliveries.js';
import type { DeliveryResource } from '../../src/store/notification-deliveries.js';
import { insertDeliveries } from '../../src/store/notification-news.js';
import { realWorkplace } from '../erasure/real-workplace.js';
import type { RealWorkplace } from '../erasure/real-workplace.js';
import { until } from '../support/until.js';

const RULES: PostRules = {
  allowPrivate: true,
  resolve: () => Promise.resolve(['127.0.0.1']),
  totalMs: 3000,
  connectMs: 1000,
};
export const BODY = '{"type":"request.completed","timestamp":"2026-11-02T09:00:00.000Z","data":{}}';

export const isOver = (one: DeliveryResource): boolean => one.status !== 'pending';
export const tried =
  (attempts: number) =>
  (one: DeliveryResource): boolean =>
    one.attempts === attempts && (one.failure !== null || one.status === 'delivered');

export class Sending {
  readonly logged: string[] = [];
  private senders: Sender[] = [];

  private constructor(readonly real: RealWorkplace) {}

  static async open(): Promise<Sending> {
    return new Sending(await realWorkplace());
  }

  /** A sender that looks again whenever a place is free, as the notifier makes it. */
  sender(rules: Partial<PostRules> = {}, limits: SenderLimits = SENDER_LIMITS): Sender {
    const { database, vault } = this.real.workplace;
    const log = {
      warn: (facts: object, message: string) => void this.logged.push(JSON.stringify({ ...facts, message })),
    };
    const made: Sender = new Sender(
      { database, vault, log },
      { ...RULES, ...rules },
      limits,
      () => void made.sendDue(),
    );
    this.senders.push(made);
    return made;
  }

  async endpoint(url: string): Promise<{ readonly id: string; readonly secret: string }> {
    const { database, vault } = this.real.workplace;
    const made = await makeEndpoint(database, vault, new URL(url), null);
    if (!made) throw new Error('no endpoint was made');
    return made;
  }

  /** Puts messages before an endpoint, due now. */
  async messages(endpointId: string, count = 1): Promise<void> {
    const made = Array.from({ length: count }, () => {
      return {
        endpointId,
        event: 'request.completed',
        about: randomUUID(),
        occasion: new Date(0),
        body: BODY,
      } as const;
    });
    await this.real.workplace.database.transaction((tx) => insertDeliveries(tx, made));
  }

  async log(endpointId: string): Promise<readonly DeliveryResource[]> {
    const found = await listDeliveries(this.real.workplace.database, endpointId, { limit: 200, cursor: null });
    if (typeof found === 'string') throw new Error(found);
    return found.data;
  }

  /** The endpoint's only delivery, once something is true of it. */
  delivery(endpointId: string, is: (one: DeliveryResource) => boolean): Promise<DeliveryResource> {
    const find = async (): Promise<DeliveryResource | undefined> => {
      const [one] = await this.log(endpointId);
      return one && is(one) ? one : undefined;
    };
    return until('the delivery', find, { withinMs: 10_000, state: () => this.log(endpointId) });
  }

  /** Resolves when everything before the endpoint is delivered or given up. */
  async over(endpointId: string): Promise<void> {
    await until('all to end', async () => ((await this.log(endpointId)).every(isOver) ? true : undefined));
  }

  /** Makes what waits due at once. */
  async hurry(endpointId: string): Promise<void> {
    const { real } = this;
    await real.query('update notification_delivery set due_at = now(), lease_until = null where endpoint_id = $1', [
      endpointId,
    ]);
    await real.query('update notification_endpoint set paused_until = null where id = $1', [endpointId]);
  }

  /** Stops the senders and forgets the endpoints: the next test begins with none. */
  async reset(): Promise<void> {
    await Promise.all(this.senders.map((sender) => sender.stop()));
    this.senders = [];
    await this.real.query('delete from notification_endpoint');
  }
}
