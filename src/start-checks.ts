/** What a start looks at before it takes anything in: it refuses with one line that names the variable behind it. */
import { Clock } from './api/clock.js';
import type { Config } from './config.js';
import { ConfigError } from './variables.js';
import type { Log } from './erasure/workplace.js';
import type { RedisState } from './queue/redis-state.js';
import type { Database } from './store/database.js';
import { sqlState } from './store/database.js';
import { clockOffset, readServerFacts } from './store/server-facts.js';
import type { ServerFacts } from './store/server-facts.js';

/**
 * Looks at the server before anything is written to it.
 * @throws {ConfigError} when it does not answer, takes no writes, would lose what it committed (in production; else a
 * warning), or its clock and ours are too far apart
 */
export async function checkDatabase(config: Config, database: Database, log: Log): Promise<void> {
  const facts = await reached(database);
  if (facts.readOnly) throw new ConfigError('DATABASE_URL', 'names a database that takes no writes');
  const unsafe = [...(facts.fsync ? [] : ['fsync']), ...(facts.fullPageWrites ? [] : ['full_page_writes'])];
  if (unsafe.length > 0) {
    const problem = `names a server with ${unsafe.join(' and ')} off: a power cut may lose what it has committed`;
    if (config.production) throw new ConfigError('DATABASE_URL', problem);
    log.warn({ off: unsafe }, 'the database would lose commits in a power cut: for tests only');
  }
  const clock = new Clock();
  const offsetMs = Math.round(await clockOffset(database, () => clock.nowMs()));
  if (Math.abs(offsetMs) > config.clockOffsetMaxMs) {
    const way = offsetMs > 0 ? 'behind' : 'ahead of';
    throw new ConfigError(
      'CLOCK_OFFSET_MAX_MS',
      `is ${config.clockOffsetMaxMs}, and this machine's clock is ${Math.abs(offsetMs)} ms ${way} the database's: set both by NTP`,
    );
  }
}

async function reached(database: Database): Promise<ServerFacts> {
  try {
    return await readServerFacts(database);
  } catch (error) {
    // The text of the error may name a user or a host; its code says enough.
    throw new ConfigError('DATABASE_URL', `names a database that cannot be used (${sqlState(error) ?? 'no answer'})`);
  }
}

/**
 * What is known of Redis when the service starts. One that is away does not stop the start.
 * @throws {ConfigError} when it answers and is none that a queue may be kept in
 */
export function checkRedis(state: RedisState, log: Log): void {
  if (state.kind === 'wrong') throw new ConfigError('REDIS_URL', state.problem);
  if (state.kind === 'away') {
    log.warn({ error: state.error }, 'Redis is away: starting degraded, work goes by the clock until it comes back');
  }
}
