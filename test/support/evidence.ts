/** Evidence out of a database, as the API gives it, and what the verifier says to it. */
import { decodeDataKey } from '../../src/store/key-files.js';
import { exportEvidence } from '../../src/erasure/export-evidence.js';
import { Workplace } from '../../src/erasure/workplace.js';
import { Sealer } from '../../src/ledger/seal.js';
import { Database } from '../../src/store/database.js';
import { Vault } from '../../src/store/vault.js';
import { verifyBundle } from '../../src/verify.js';
import { CONFIGURED, SETTINGS } from '../erasure/real-workplace.js';

const quiet = () => undefined;
const BY = { actor: 'auditor', disclosed: true, since: null };

/** Those with most to tell: all of a table of cases that share a service; of a hundred alike the rest would tell nothing more. */
const REQUESTS_MAX = 30;
const LONGEST = `select r.id from erasure_request r where r.pending = 0
  order by (select count(*) from ledger_event e where e.stream = r.id::text) desc, r.id limit $1`;

/** What is wrong with the evidence of the longest stories among a database's settled requests: nothing, or a line for each. */
export async function evidenceProblems(
  url: string,
  keys: { readonly dataKey: string; readonly signingKey: string },
): Promise<string[]> {
  const database = Database.open(url, 4, quiet);
  try {
    const dataKey = decodeDataKey(keys.dataKey) ?? Buffer.alloc(0);
    const vault = await Vault.open(database, () => Promise.resolve(dataKey));
    const current = () => Promise.resolve(keys.signingKey);
    const sealer = await Sealer.open(database, { current, next: null }, { refused: quiet, failed: quiet });
    const log = { info: quiet, warn: quiet, error: quiet };
    const workplace = new Workplace(database, vault, CONFIGURED, SETTINGS, { ring: quiet }, log, { observe: quiet });
    const { rows } = await database.pool.query<{ id: string }>(LONGEST, [REQUESTS_MAX]);
    const problems: string[] = [];
    for (const { id } of rows) {
      const evidence = await exportEvidence(workplace, sealer, id, BY);
      if (evidence.kind !== 'bundle') continue;
      let text = '';
      for await (const piece of evidence.pieces) text += piece;
      try {
        verifyBundle(text, null, null);
      } catch (error) {
        problems.push(`the evidence of request ${id}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    return problems;
  } finally {
    await database.close();
  }
}
