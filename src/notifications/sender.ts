/**
 * Delivers messages: takes what is due under a lease, sends each once, and writes down what came of it. Never more than
 * some at once, few of one endpoint, and at most half of them to endpoints that failed the last time.
 */
import { reception, retryDelayMs, RETRY_AFTER_MAX_MS } from '../core/notification.js';
import { sqlState } from '../store/database.js';
import type { Database } from '../store/database.js';
import { claimDeliveries, recordAttempt } from '../store/notification-deliveries.js';
import type { AttemptResult, ClaimedDelivery, Room } from '../store/notification-deliveries.js';
import {
  disableEndpoint,
  dropPending,
  lockEndpoint,
  noteEndpoint,
  openEndpoint,
} from '../store/notification-endpoints.js';
import type { Vault } from '../store/vault.js';
import { checkEndpointUrl } from './endpoint-url.js';
import { post } from './post.js';
import type { Posted, PostRules } from './post.js';
import { signedHeaders } from './signature.js';

export interface SenderLimits {
  /** Attempts at once in this process. */
  readonly slots: number;
  /** Of these, to endpoints whose last attempt failed. */
  readonly failingSlots: number;
  /** Attempts at once to one endpoint; to one whose last attempt failed, one. */
  readonly perEndpoint: number;
}
export const SENDER_LIMITS: SenderLimits = { slots: 16, failingSlots: 8, perEndpoint: 4 };

/** What an attempt may take, beyond its own time-outs, until it is on record. */
const LEASE_MARGIN_MS = 15_000;

/** Where the sender says what a person should know. Never given a URL. */
export interface SenderLog {
  warn(facts: object, message: string): void;
}

export class Sender {
  private readonly running = new Map<ClaimedDelivery, Promise<void>>();
  private looking: Promise<void> = Promise.resolve();
  private stopped = false;

  /** `onFree` is called whenever an attempt has ended: others may be waiting for its place. */
  constructor(
    private readonly at: { readonly database: Database; readonly vault: Vault; readonly log: SenderLog },
    private readonly rules: PostRules,
    private readonly limits: SenderLimits,
    private readonly onFree: () => void,
  ) {}

  /** Takes what is due and begins to send it, as much as there is room for. Rejects when the database is away. */
  async sendDue(): Promise<void> {
    // One look at a time: the room is counted before it is filled.
    const look = this.looking.then(async () => this.look());
    this.looking = look.catch(() => undefined);
    return look;
  }

  /** Gives up what waits for endpoints that are gone. */
  async tidy(): Promise<void> {
    await dropPending(this.at.database);
  }

  /** Nothing is begun after this. Resolves when all that was begun is on record. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.looking;
    await Promise.all(this.running.values());
  }

  private async look(): Promise<void> {
    if (this.stopped) return;
    for (const delivery of await claimDeliveries(this.at.database, this.room())) this.begin(delivery);
  }

  private room(): Room {
    const { slots, failingSlots, perEndpoint } = this.limits;
    const running = [...this.running.keys()];
    const busy = new Map<string, number>();
    for (const { endpointId } of running) busy.set(endpointId, (busy.get(endpointId) ?? 0) + 1);
    return {
      slots: slots - running.length,
      failingSlots: failingSlots - running.filter((one) => one.failing).length,
      perEndpoint,
      busy,
      leaseMs: this.rules.totalMs + this.rules.connectMs + LEASE_MARGIN_MS,
    };
  }

  private begin(delivery: ClaimedDelivery): void {
    const attempt = this.attempt(delivery)
      .catch((error: unknown) => {
        const facts = {
          delivery: delivery.id,
          error: error instanceof Error ? error.name : typeof error,
          code: sqlState(error),
        };
        this.at.log.warn(facts, 'what became of a notification is not on record; its lease will end');
      })
      .then(() => {
        this.running.delete(delivery);
        if (!this.stopped) this.onFree();
      });
    this.running.set(delivery, attempt);
  }

  private async attempt(delivery: ClaimedDelivery): Promise<void> {
    const posted = await this.send(delivery);
    const gone = posted.kind === 'answer' && reception(posted.status) === 'gone';
    const result = resultOf(posted, delivery.tries);
    const pauseMs = pauseOf(posted);
    const { endpointId, id } = delivery;
    const recorded = await this.at.database.transaction(async (tx) => {
      await lockEndpoint(tx, endpointId);
      if (!(await recordAttempt(tx, delivery, result))) return false;
      if (gone) await disableEndpoint(tx, endpointId);
      else await noteEndpoint(tx, endpointId, { failing: result.status !== 'delivered', pauseMs });
      return true;
    });
    if (!recorded) return;
    if (gone) this.at.log.warn({ endpoint: endpointId }, 'a notification endpoint answered 410 and was disabled');
    else if (result.status === 'given_up') {
      const facts = { endpoint: endpointId, delivery: id, failure: result.failure, httpStatus: result.httpStatus };
      this.at.log.warn(facts, 'a notification was given up');
    }
  }

  private async send(delivery: ClaimedDelivery): Promise<Posted> {
    const { url: text, secret } = openEndpoint(this.at.vault, delivery);
    const checked = checkEndpointUrl(text, this.rules.allowPrivate);
    if (!checked.ok) return { kind: 'none', failure: 'blocked' };
    const { id, body, nowMs } = delivery;
    return post({ url: checked.url, headers: signedHeaders(secret, id, nowMs / 1000, body), body, nowMs }, this.rules);
  }
}

/** What an attempt means for its message. */
function resultOf(posted: Posted, tries: number): AttemptResult {
  if (posted.kind === 'none') return again({ httpStatus: null, failure: posted.failure }, tries, null);
  const { status: httpStatus } = posted;
  switch (reception(httpStatus)) {
    case 'taken':
      return { status: 'delivered', againInMs: null, httpStatus, failure: null };
    case 'gone':
      return { status: 'given_up', againInMs: null, httpStatus, failure: 'status' };
    case 'busy':
      return again({ httpStatus, failure: 'status' }, tries, posted.retryAfterMs);
    case 'refused':
      return again({ httpStatus, failure: 'status' }, tries, null);
  }
}

function again(
  what: Pick<AttemptResult, 'httpStatus' | 'failure'>,
  tries: number,
  retryAfterMs: number | null,
): AttemptResult {
  const againInMs = retryDelayMs(tries, Math.random(), retryAfterMs);
  return { ...what, status: againInMs === null ? 'given_up' : 'pending', againInMs };
}

/** How long the endpoint wants to be left alone, by all of its messages. */
function pauseOf(posted: Posted): number | null {
  if (posted.kind === 'none' || reception(posted.status) !== 'busy' || posted.retryAfterMs === null) return null;
  return Math.min(posted.retryAfterMs, RETRY_AFTER_MAX_MS);
}
