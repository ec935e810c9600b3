/**
 * The environment, read once at start and checked whole: nothing else reads it. What each variable means is said in
 * the README; here are their forms, ranges and defaults. No error repeats a value, since many are secrets.
 */
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import type { Limits } from './core/rate-window.js';
import { decodeDataKey, decodeLedgerKey } from './store/key-files.js';
import type { Provider } from './systems/system.js';
import { ConfigError, decoded, integer, oneOf, parsedUrl, text } from './variables.js';
import type { Environment } from './variables.js';

const ROLES = ['all', 'api', 'worker'] as const;
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
const BOOTSTRAP_KEY_LENGTH_MIN = 32;
const DATA_KEY_FORM = 'must be 32 bytes in base64 (openssl rand -base64 32)';
const LEDGER_KEY_FORM = 'must be an Ed25519 private key in PKCS#8 PEM (openssl genpkey -algorithm ed25519)';
const MINUTE_MS = 60_000;
/** The cap of every back-off. */
const RETRY_BASE_MAX_MS = 15 * MINUTE_MS;

export type Role = (typeof ROLES)[number];
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface ProviderConfig {
  /** An origin, without a slash at the end. */
  readonly url: string;
  /** By the name of their environment variable; null: the provider is not configured. */
  readonly credentials: Readonly<Record<string, string>> | null;
  readonly idsPerCall: number;
  /** Calls at once, over all of the provider's systems and all workers. */
  readonly concurrency: number;
  /** In any sliding minute, over the same; null: no such limit. */
  readonly callsPerMinute: number | null;
}

export interface Config {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly role: Role;
  /** Null: embedded Postgres in `dataDir`. */
  readonly databaseUrl: string | null;
  /** Absolute. */
  readonly dataDir: string;
  /** Null: the queue lives in Postgres. */
  readonly redisUrl: string | null;
  /** By the provider's name; every provider has an entry. */
  readonly providers: ReadonlyMap<string, ProviderConfig>;
  readonly providerTimeoutMs: number;
  readonly leaseMarginMs: number;
  readonly batchLingerMs: number;
  readonly retryBaseMs: number;
  readonly retryMaxAttempts: number;
  readonly limits: Limits;
  /** Between this process's clock and the database's; a start beyond it is refused. */
  readonly clockOffsetMaxMs: number;
  /** How long due work may go nowhere before a worker ends itself to be started again. */
  readonly watchdogLimitMs: number;
  readonly bootstrapApiKey: string | null;
  /** 32 bytes; null: kept in `dataDir`. */
  readonly dataKey: Buffer | null;
  /** DATA_KEY_NEXT: what rotate-data-key wraps under; null to make one beside the key in the data folder. */
  readonly nextDataKey: Buffer | null;
  /** PKCS#8 PEM of an Ed25519 key; null: kept in `dataDir`. */
  readonly ledgerSigningKey: string | null;
  /** LEDGER_SIGNING_KEY_NEXT: signs beside the other while the key is being changed; null otherwise. */
  readonly nextLedgerSigningKey: string | null;
  /** Null: until shredded by hand. */
  readonly retentionDays: number | null;
  readonly allowPrivateEndpoints: boolean;
  readonly logLevel: LogLevel;
  /** Whether NODE_ENV is `production`: then no key is made that was not given. */
  readonly production: boolean;
}

/** `readConfig` of this process's environment. */
export const readProcessConfig = (providers: readonly Provider[]): Config => readConfig(process.env, providers);

/**
 * Reads and checks every variable. An empty one counts as unset.
 * @param providers those whose variables are read: `NAME_API_URL`, their credentials, and their limits
 * @throws {ConfigError} for the first variable that is wrong or missing
 */
export function readConfig(env: Environment, providers: readonly Provider[]): Config {
  const role = oneOf(env, 'ROLE', ROLES, 'all');
  const config: Config = {
    host: host(env),
    port: integer(env, 'PORT', 0, 65_535) ?? 3000,
    role,
    databaseUrl: databaseUrl(env),
    dataDir: resolve(text(env, 'DATA_DIR') ?? './.data'),
    redisUrl: redisUrl(env),
    providers: new Map(providers.map((provider) => [provider.name, providerConfig(env, provider)])),
    providerTimeoutMs: integer(env, 'PROVIDER_TIMEOUT_MS', 1, 60 * MINUTE_MS) ?? 30_000,
    leaseMarginMs: integer(env, 'LEASE_MARGIN_MS', 1, 60 * MINUTE_MS) ?? 15_000,
    batchLingerMs: integer(env, 'BATCH_LINGER_MS', 0, MINUTE_MS) ?? 200,
    retryBaseMs: integer(env, 'RETRY_BASE_MS', 1, RETRY_BASE_MAX_MS) ?? 1000,
    retryMaxAttempts: integer(env, 'RETRY_MAX_ATTEMPTS', 1, 1000) ?? 8,
    limits: {
      authFailuresPerMinute: integer(env, 'AUTH_FAILURES_PER_MINUTE', 1, 1_000_000) ?? 30,
      keyRequestsPerMinute: integer(env, 'KEY_REQUESTS_PER_MINUTE', 1, 100_000_000) ?? 12_000,
      trustedProxies: integer(env, 'TRUSTED_PROXIES', 0, 10) ?? 0,
    },
    clockOffsetMaxMs: integer(env, 'CLOCK_OFFSET_MAX_MS', 0, 24 * 60 * MINUTE_MS) ?? 2_000,
    watchdogLimitMs: integer(env, 'WATCHDOG_LIMIT_MS', 15_000, 24 * 60 * MINUTE_MS) ?? MINUTE_MS,
    bootstrapApiKey: bootstrapApiKey(env),
    nextDataKey: decoded(env, 'DATA_KEY_NEXT', decodeDataKey, DATA_KEY_FORM),
    dataKey: decoded(env, 'DATA_KEY', decodeDataKey, DATA_KEY_FORM),
    ledgerSigningKey: decoded(env, 'LEDGER_SIGNING_KEY', decodeLedgerKey, LEDGER_KEY_FORM),
    nextLedgerSigningKey: decoded(env, 'LEDGER_SIGNING_KEY_NEXT', decodeLedgerKey, LEDGER_KEY_FORM),
    retentionDays: integer(env, 'RETENTION_DAYS', 0, 36_500),
    allowPrivateEndpoints: oneOf(env, 'ALLOW_PRIVATE_ENDPOINTS', ['false', 'true'], 'false') === 'true',
    logLevel: oneOf(env, 'LOG_LEVEL', LOG_LEVELS, 'info'),
    production: text(env, 'NODE_ENV') === 'production',
  };
  // Two processes with an embedded database or keys of their own would be two installations.
  for (const variable of role === 'all' ? [] : ['DATABASE_URL', 'DATA_KEY', 'LEDGER_SIGNING_KEY']) {
    if (text(env, variable) === null) throw new ConfigError(variable, `must be set when ROLE is ${role}`);
  }
  return config;
}

function providerConfig(env: Environment, provider: Provider): ProviderConfig {
  const prefix = provider.name.toUpperCase();
  return {
    url: providerOrigin(env, `${prefix}_API_URL`) ?? provider.defaultUrl,
    credentials: credentials(env, provider),
    idsPerCall: integer(env, `${prefix}_IDS_PER_CALL`, 1, provider.idsPerCallMax) ?? provider.idsPerCallMax,
    concurrency: integer(env, `${prefix}_CONCURRENCY`, 1, 1000) ?? provider.concurrencyDefault,
    callsPerMinute: integer(env, `${prefix}_CALLS_PER_MINUTE`, 1, 1_000_000),
  };
}

function credentials(env: Environment, provider: Provider): Record<string, string> | null {
  const found: Record<string, string> = {};
  for (const variable of provider.credentials) {
    const value = text(env, variable);
    if (value === null) continue;
    // They travel in headers, which hold nothing else.
    if (!/^[\x21-\x7e]+$/.test(value))
      throw new ConfigError(variable, 'must be printable ASCII without blanks or line ends');
    found[variable] = value;
  }
  const names = Object.keys(found);
  if (names.length === 0) return null;
  const missing = provider.credentials.find((variable) => !names.includes(variable));
  if (missing !== undefined) throw new ConfigError(missing, `must be set when ${names.join(' and ')} is`);
  return found;
}

/** Credentials and personal identifiers never go over a network in clear. */
function providerOrigin(env: Environment, variable: string): string | null {
  const url = parsedUrl(env, variable, ['https:', 'http:']);
  if (url === null) return null;
  if (url.username !== '' || url.password !== '' || url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw new ConfigError(variable, 'must be an origin: no user, path, query or fragment');
  }
  if (url.protocol !== 'https:' && !isLoopback(url.hostname)) {
    throw new ConfigError(variable, 'must begin with https:// unless its host is a loopback address');
  }
  return url.origin;
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'));
}

function databaseUrl(env: Environment): string | null {
  return parsedUrl(env, 'DATABASE_URL', ['postgresql:', 'postgres:']) === null ? null : text(env, 'DATABASE_URL');
}

function redisUrl(env: Environment): string | null {
  return parsedUrl(env, 'REDIS_URL', ['redis:', 'rediss:']) === null ? null : text(env, 'REDIS_URL');
}

function host(env: Environment): string {
  const value = text(env, 'HOST') ?? '127.0.0.1';
  if (isIP(value) === 0 && !/^(?!-)[a-z0-9.-]{1,253}$/i.test(value))
    throw new ConfigError('HOST', 'must be an address or a host name');
  return value;
}

function bootstrapApiKey(env: Environment): string | null {
  const value = text(env, 'BOOTSTRAP_API_KEY');
  if (value !== null && !/^[\x21-\x7e]+$/.test(value))
    throw new ConfigError('BOOTSTRAP_API_KEY', 'must be printable ASCII without blanks');
  if (value !== null && value.length < BOOTSTRAP_KEY_LENGTH_MIN) {
    throw new ConfigError('BOOTSTRAP_API_KEY', `must have at least ${BOOTSTRAP_KEY_LENGTH_MIN} characters`);
  }
  return value;
}
