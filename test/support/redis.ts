import { describe, it } from 'vitest';
import { redisAvailable, REDIS_ABSENT } from './redis-server.js';

/**
 * A `describe` for what needs Redis. Without a `redis-server` its tests are skipped with that reason in their name;
 * with `REQUIRE_REDIS=1` they fail instead, so that a run which must have seen Redis cannot be green without it.
 */
export function describeRedis(name: string, suite: () => void): void {
  if (redisAvailable()) {
    describe(name, suite);
  } else if (process.env['REQUIRE_REDIS'] === '1') {
    it(name, () => {
      throw new Error(`REQUIRE_REDIS=1, but ${REDIS_ABSENT}`);
    });
  } else {
    describe.skip(`${name} (skipped: ${REDIS_ABSENT})`, suite);
  }
}
