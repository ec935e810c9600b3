/** The way in for many: submissions that come together are stored together, and none waits for a company to form. */
import { isUnavailable } from '../store/database.js';
import { newId } from '../store/identifiers.js';
import { storeRequests } from './store-requests.js';
import type { Idempotency, NewRequest, Stored, Submission } from './store-requests.js';
import { submitAlone, submitted } from './submit-request.js';
import type { Submitted } from './submit-request.js';
import { Together } from './together.js';
import type { Workplace } from './workplace.js';

const COMPANY_MAX = 32;
/** One transaction prepares its rows while another waits for the disk. */
const COMPANIES_AT_ONCE = 2;
/** How much a company may ask for, and how much one that has company: a long transaction keeps all who come after it waiting. */
const COMPANY_WEIGHT_MAX = 1000;
const MEMBER_WEIGHT_MAX = 500;
/** A company does not wait long for a key that another transaction is taking: whoever asks for that key waits alone. */
const COMPANY_KEY_WAIT_MS = 100;
/** Transactions of one submission at once. All of them together leave half of the connections to the work. */
const BIG_AT_ONCE = 4;
const ALONE_AT_ONCE = 6;
const DIRECTORY_WEIGHT = 2000;

/** What came of one of a company. */
type InCompany =
  | Stored
  /** Nothing was stored of any, and each may be tried by itself. */
  | { readonly kind: 'alone' }
  | { readonly kind: 'failed'; readonly error: unknown };

export class Intake {
  private readonly together = new Together<NewRequest, InCompany>(async (requests) => this.store(requests), {
    itemsMax: COMPANY_MAX,
    atOnce: COMPANIES_AT_ONCE,
    weight: ({ submission }) => weightOf(submission),
    weightMax: COMPANY_WEIGHT_MAX,
  });
  private readonly big = this.oneByOne(BIG_AT_ONCE);
  private readonly alone = this.oneByOne(ALONE_AT_ONCE);

  constructor(private readonly workplace: Workplace) {}

  /** As `submitAlone`: settles only when what it gives is committed. Throws when the database is away: nothing is stored. */
  async submit(
    submission: Submission,
    by: { readonly actor: string; readonly source: string },
    idempotency: Idempotency | null,
  ): Promise<Submitted> {
    const request = { id: newId(), submission, ...by, idempotency, held: null };
    if (isBig(submission)) return this.big.do(request);
    const stored = await this.together.do(request);
    if (stored.kind === 'failed') throw stored.error;
    return stored.kind === 'alone' ? this.alone.do(request) : submitted(this.workplace, request, stored);
  }

  private oneByOne(atOnce: number): Together<NewRequest, Submitted> {
    const work = async (requests: readonly NewRequest[]): Promise<Submitted[]> =>
      Promise.all(requests.map(async (request) => submitAlone(this.workplace, request)));
    return new Together(work, { itemsMax: 1, atOnce });
  }

  private async store(requests: readonly NewRequest[]): Promise<readonly InCompany[]> {
    let written = false;
    try {
      return await this.workplace.database.transaction(async (tx) => {
        written = false;
        const stored = await storeRequests(tx, this.workplace, requests, COMPANY_KEY_WAIT_MS);
        written = true;
        return stored;
      });
    } catch (error) {
      // After the last statement only the COMMIT can have failed: it may have been carried out, so nobody tries again.
      return requests.map(() => (written || isUnavailable(error) ? { kind: 'failed', error } : { kind: 'alone' }));
    }
  }
}

/** It goes by itself: it would keep a company waiting. What the directory gives always does. */
export function isBig(submission: Submission): boolean {
  return weightOf(submission) > MEMBER_WEIGHT_MAX;
}

/** How many values a submission brings, about. What the directory knows of a subject may be as much as any submission. */
export function weightOf({ targets }: Submission): number {
  if (targets === null) return DIRECTORY_WEIGHT;
  return targets.reduce((sum, { scope, ids, selectors }) => {
    const lists = Object.values(scope).reduce(
      (many, value) => many + (typeof value === 'string' ? 0 : value.length),
      0,
    );
    return sum + 1 + ids.length + selectors.length + lists;
  }, 0);
}
