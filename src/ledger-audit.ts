/** `npm run audit-ledger`: looks at every row of an installation's ledger, while it runs or not. */
import { readFile } from 'node:fs/promises';
import type { Config } from './config.js';
import { keyIdOf, signerOf } from './core/checkpoint.js';
import { auditLedger } from './ledger/audit.js';
import { Database } from './store/database.js';
import { readOrMakeLedgerKey } from './store/key-files.js';
import { readOrigin } from './store/ledger-tree.js';
import { startEmbeddedPostgres } from './store/embedded-postgres.js';

const CONNECTIONS = 2;

/**
 * Audits the ledger against LEDGER_SIGNING_KEY and, where a file with one is named, a checkpoint that was kept elsewhere.
 * Says in one line what it found; throws with the first place that does not hold.
 */
export async function auditInstallation(config: Config, checkpointFile: string | undefined): Promise<string> {
  const older = checkpointFile === undefined ? null : await readFile(checkpointFile, 'utf8');
  const embedded =
    config.databaseUrl === null
      ? await startEmbeddedPostgres({ dataDir: config.dataDir, durable: true, log: () => undefined })
      : null;
  const database = Database.open(config.databaseUrl ?? embedded?.url ?? '', CONNECTIONS, () => undefined);
  try {
    const key = config.ledgerSigningKey ?? (await readOrMakeLedgerKey(config.dataDir, false));
    const { verifierKey } = signerOf(key, await readOrigin(database));
    const { events, checkpoints, wrong } = await auditLedger(database, verifierKey, older);
    if (wrong !== null) throw new Error(wrong);
    return `The ledger holds: ${events} events, ${checkpoints} checkpoints, signed by ${keyIdOf(verifierKey)}.`;
  } finally {
    await database.close();
    await embedded?.stop();
  }
}
