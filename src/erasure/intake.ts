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
/** A submission of more IDs than this goes alone: it would keep the others waiting. */
const COMPANY_IDS_MAX = 500;
/** A company does not wait long for a key that another transaction is taking: whoever asks for that key waits alone. */
const COMPANY_KEY_WAIT_MS = 100;

/** What came of one of a company. */
type InCompany =
  | Stored
  /** Nothing was stored of any, and each may be tried by itself. */
  | { readonly kind: 'alone' }
  | { readonly kind: 'failed'; readonly error: unknown };

export class Intake {
  private readonly together = new Together<NewRequest, InCompany>(
    async (requests) => this.store(requests),
    COMPANY_MAX,
    COMPANIES_AT_ONCE,
  );

  constructor(private readonly workplace: Workplace) {}

  /** As `submitRequest`: settles only when what it gives is committed. Throws when the database is away: nothing is stored. */
  async submit(
    submission: Submission,
    by: { readonly actor: string; readonly source: string },
    idempotency: Idempotency | null,
  ): Promise<Submitted> {
    const request = { id: newId(), submission, ...by, idempotency, held: null };
    if (idsOf(submission) > COMPANY_IDS_MAX) return submitAlone(this.workplace, request);
    const stored = await this.together.do(request);
    if (stored.kind === 'failed') throw stored.error;
    return stored.kind === 'alone' ? submitAlone(this.workplace, request) : submitted(this.workplace, request, stored);
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

function idsOf({ targets }: Submission): number {
  return (targets ?? []).reduce((sum, { ids, selectors }) => sum + ids.length + selectors.length, 0);
}
