import type { Log } from '../erasure/workplace.js';
import { LedgerBroken } from '../ledger/seal.js';
import { Problem } from './problem.js';

/** What `work` gives; a ledger that is not what was signed is a problem of its own, and loud. */
export async function orLedgerBroken<T>(log: Log, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof LedgerBroken)) throw error;
    log.error({ why: error.message }, 'THE LEDGER WAS TAMPERED WITH OR IS BROKEN');
    throw new Problem('ledger_broken', 'The ledger is not what was signed, so that no evidence can be given.');
  }
}
