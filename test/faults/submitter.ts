/** A caller who never gives up: one key for each body, sent again until it is accepted, and everything answered kept. */
import { setTimeout as pause } from 'node:timers/promises';
import { REQUESTS } from '../support/api-client.js';
import type { ApiAnswer, ApiClient } from '../support/api-client.js';
import { Dice } from '../truth/dice.js';
import type { Submitted } from './evidence.js';
import type { Stage } from './stage.js';
import { Workload } from './workload.js';
import type { Planned } from './workload.js';

const AGAIN_MS = 150;
const GIVE_UP_MS = 240_000;
const ANSWER_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 200;
/** Every so many looks at a request a look at the ledger's head. */
const LOOKS_A_CHECKPOINT = 5;
/** Come again, with the same key. */
const PASSING = [409, 503];

export class Submitter {
  readonly submitted: Submitted[] = [];
  readonly ids: string[] = [];
  readonly looks: { requestId: string; settled: number }[] = [];
  /** Signed heads of the ledger, as they were given out meanwhile. */
  readonly checkpoints: string[] = [];
  /** How long each accepted answer took, in ms, from its own first byte. */
  readonly tookMs: number[] = [];
  /** Statuses of answers that asked to come again, with whether they said when. */
  readonly putOff: { status: number; retryAfter: boolean }[] = [];
  private readonly workload: Workload;
  private readonly dice: Dice;
  private watching = true;
  private looking: Promise<void> = Promise.resolve();
  private withoutLooks = false;

  constructor(
    private readonly stage: Stage,
    seed: number,
  ) {
    this.workload = new Workload(seed);
    this.dice = new Dice(seed + 7);
  }

  /** Submits the next request of the plan, and gives its id once it is accepted. */
  async submit(): Promise<string> {
    return this.send(this.workload.next());
  }

  async submitLarge(items: number): Promise<string> {
    return this.send(this.workload.large(items));
  }

  async submitMany(count: number): Promise<void> {
    for (let no = 0; no < count; no += 1) await this.submit();
  }

  /** The next request, not yet submitted, its IDs seeded; for rows that submit in their own way. */
  plan(): { readonly record: Submitted; readonly key: string } {
    return this.note(this.workload.next());
  }

  /** Every key once more, with the same body and with another. */
  async replayAll(): Promise<void> {
    const api = await this.stage.anApi();
    for (const record of this.submitted) {
      const again = await submitOnce(api, record.key, record.body);
      if (again?.status === 202) record.accepted.push(again.text);
      else record.refusals.push(`replay: ${again?.status ?? 'no answer'}`);
      const other = await submitOnce(api, record.key, { ...record.body, note: 'another body' });
      record.otherBody = other?.status ?? null;
    }
  }

  /** From now on looks at one request after the other, to see what GET shows, and at the ledger. Ends with `stopWatching`. */
  async watch(): Promise<void> {
    for (let no = 0; this.watching && !this.stage.closed; no += 1) {
      await pause(LOOK_EVERY_MS);
      const api = this.stage.api();
      if (api === null || this.ids.length === 0) continue;
      const requestId = this.dice.one(this.ids);
      try {
        if (no % LOOKS_A_CHECKPOINT === 0) await this.lookAtLedger(api);
        const { counts } = await api.request(requestId);
        this.looks.push({ requestId, settled: (counts['total'] ?? 0) - (counts['pending'] ?? 0) });
      } catch {
        // Down, or away: what GET says then is not what is looked for here.
      }
    }
  }

  /** While this goes on nobody takes a head of the ledger for good: it is being tampered with. */
  async withoutLedger(work: () => Promise<void>): Promise<void> {
    this.withoutLooks = true;
    await this.looking;
    await work();
    this.withoutLooks = false;
  }

  private async lookAtLedger(api: ApiClient): Promise<void> {
    if (this.withoutLooks) return;
    const answer = api.call('GET', '/v1/ledger/checkpoint');
    this.looking = answer.then(
      () => undefined,
      () => undefined,
    );
    const { status, text } = await answer;
    if (status === 200) this.checkpoints.push(text);
  }

  stopWatching(): void {
    this.watching = false;
  }

  async send(planned: Planned): Promise<string> {
    const { record, key } = this.note(planned);
    return this.push(record, key);
  }

  /** Sends a noted body until it is accepted. */
  async push(record: Submitted, key: string): Promise<string> {
    for (
      const endMs = performance.now() + GIVE_UP_MS;
      performance.now() < endMs && !this.stage.closed;
      await pause(AGAIN_MS)
    ) {
      const api = this.stage.api();
      if (api === null) continue;
      const beganMs = performance.now();
      const answer = await submitOnce(api, key, record.body);
      if (answer === null) continue;
      if (answer.status === 202) {
        this.tookMs.push(performance.now() - beganMs);
        return this.accepted(record, answer);
      }
      this.putOff.push({ status: answer.status, retryAfter: answer.headers.get('retry-after') !== null });
      if (!PASSING.includes(answer.status)) record.refusals.push(`${answer.status}: ${answer.text}`);
    }
    throw new Error(`the request under ${key} was not accepted within ${GIVE_UP_MS} ms`);
  }

  private note(planned: Planned): { record: Submitted; key: string } {
    for (const seed of this.workload.takeSeed()) this.stage.sandbox.data.seed(seed);
    const key = `key-${this.submitted.length + 1}-of-this-run`;
    const body = { ...planned };
    const record: Submitted = { key, body, accepted: [], committed: null, refusals: [], otherBody: null };
    this.submitted.push(record);
    return { record, key };
  }

  async accepted(record: Submitted, answer: ApiAnswer<{ readonly id: string }>): Promise<string> {
    const { id } = answer.body;
    record.accepted.push(answer.text);
    this.ids.push(id);
    const look = this.stage.sql('select from item where request_id = $1', [id]);
    // A server that is away just now says nothing of what it holds.
    record.committed = await look.then(
      (rows) => rows.length > 0,
      () => record.committed,
    );
    return id;
  }
}

/** One submission; null when no answer came. */
export async function submitOnce(
  api: ApiClient,
  key: string,
  body: object,
): Promise<ApiAnswer<{ readonly id: string }> | null> {
  const call = api.call<{ readonly id: string }>('POST', REQUESTS, body, { 'idempotency-key': key });
  const silent = pause(ANSWER_WITHIN_MS, null, { ref: false });
  return Promise.race([call.catch(() => null), silent]);
}
