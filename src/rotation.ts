/** `npm run rotate-data-key`: a new DATA_KEY for an installation whose processes are stopped. */
import type { Config } from './config.js';
import { ConfigError } from './variables.js';
import { rotateDataKey } from './erasure/rotate-data-key.js';
import { Database } from './store/database.js';
import { startEmbeddedPostgres } from './store/embedded-postgres.js';
import { promoteNextDataKey, readOrMakeDataKey, readOrMakeNextDataKey } from './store/key-files.js';
import { migrate } from './store/migrate.js';
import { DataKeyError, Vault } from './store/vault.js';

/**
 * Wraps every living request key under DATA_KEY_NEXT or, where the key lives in DATA_DIR, under a new one that takes its
 * place there. Says in one line what was done; throws with one line when nothing was. Safe to run again after a crash.
 */
export async function rotateInstallation(config: Config): Promise<string> {
  const inFolder = config.dataKey === null;
  if (!inFolder && config.nextDataKey === null) {
    throw new ConfigError('DATA_KEY_NEXT', 'must be set where DATA_KEY is (openssl rand -base64 32)');
  }
  const embedded =
    config.databaseUrl === null
      ? await startEmbeddedPostgres({ dataDir: config.dataDir, durable: true, log: () => undefined })
      : null;
  const database = Database.open(config.databaseUrl ?? embedded?.url ?? '', 2, () => undefined, null);
  try {
    await migrate(database.pool);
    const newKey = config.nextDataKey ?? (await readOrMakeNextDataKey(config.dataDir));
    const vault = await openWithOld(config, database, newKey);
    const rotated = vault === null ? 0 : await rotateDataKey(database, vault, newKey);
    if (inFolder && config.nextDataKey === null) await promoteNextDataKey(config.dataDir);
    const done = vault === null ? 'the database was under the new key already' : `${rotated} request keys wrapped anew`;
    const next =
      inFolder && config.nextDataKey === null ? 'the new key stands in DATA_DIR' : 'set DATA_KEY to DATA_KEY_NEXT now';
    return `${done}; ${next}. Destroy the old key and backups that hold it.`;
  } finally {
    await database.close();
    await embedded?.stop();
  }
}

/** Null when the new key opens the database already: an earlier rotation was committed and then cut short. */
async function openWithOld(config: Config, database: Database, newKey: Buffer): Promise<Vault | null> {
  const oldKey = config.dataKey ?? (await readOrMakeDataKey(config.dataDir, false));
  try {
    return await Vault.open(database, () => Promise.resolve(oldKey));
  } catch (error) {
    if (!(error instanceof DataKeyError)) throw error;
    await Vault.open(database, () => Promise.resolve(newKey));
    return null;
  }
}
