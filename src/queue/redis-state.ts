/** Whether a Redis may keep a queue: its version and its eviction policy, asked over a connection of its own. */
import { Redis } from 'ioredis';

const ANSWER_WITHIN_MS = 2000;
/** What BullMQ's scripts are written for; below it warns, and works around what is missing. */
const VERSION_MIN = [6, 2] as const;
const POLICY = 'noeviction';
/** It is there and does not let us in. */
const REFUSALS = ['WRONGPASS', 'NOAUTH', 'NOPERM'];

/** Where a Redis is and how it lets us in. */
export interface RedisServer {
  readonly host: string;
  readonly port: number;
  readonly db: number;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: object;
}

export type RedisState =
  | { readonly kind: 'fine' }
  /** `error`: what kind of error it was, without words that may name a host. */
  | { readonly kind: 'away'; readonly error: string }
  /** `problem`: what is wrong with it, to stand after REDIS_URL. */
  | { readonly kind: 'wrong'; readonly problem: string };

/** Asks once, and gives up after 2 s. Never throws. */
export async function readRedisState(server: RedisServer): Promise<RedisState> {
  const redis = new Redis({
    ...server,
    lazyConnect: true,
    connectTimeout: ANSWER_WITHIN_MS,
    commandTimeout: ANSWER_WITHIN_MS,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    retryStrategy: () => null,
  });
  let last: unknown = null;
  redis.on('error', (error) => {
    last = error;
  });
  try {
    await redis.connect();
    return judgeRedis(await redis.info());
  } catch (error) {
    return refused(last ?? error) ?? refused(error) ?? { kind: 'away', error: kindOf(last ?? error) };
  } finally {
    redis.disconnect();
  }
}

/** What the text of INFO says of a Redis. */
export function judgeRedis(info: string): RedisState {
  const said = new Map(
    info.split(/\r?\n/).map((line) => [line.split(':', 1)[0] ?? '', line.slice(line.indexOf(':') + 1)]),
  );
  const version = said.get('redis_version') ?? '';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor, leastMinor] = VERSION_MIN;
  if (major < leastMajor || (major === leastMajor && minor < leastMinor)) {
    return {
      kind: 'wrong',
      problem: `names a Redis of version ${version}: the queue needs ${VERSION_MIN.join('.')} or newer`,
    };
  }
  const policy = said.get('maxmemory_policy') ?? '';
  if (policy !== POLICY) {
    return {
      kind: 'wrong',
      problem: `names a Redis whose maxmemory-policy is ${policy}: it must be ${POLICY}, since a queue that evicts loses jobs`,
    };
  }
  return { kind: 'fine' };
}

function refused(error: unknown): RedisState | null {
  const word = error instanceof Error ? (error.message.split(' ', 1)[0] ?? '') : '';
  return REFUSALS.includes(word) ? { kind: 'wrong', problem: `names a Redis that lets nobody in (${word})` } : null;
}

function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
