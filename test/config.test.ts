import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../src/config.js';
import { ConfigError } from '../src/variables.js';
import type { Environment } from '../src/variables.js';
import type { Provider } from '../src/systems/system.js';

const PROVIDERS: Provider[] = [
  {
    name: 'velt',
    title: 'Velt',
    defaultUrl: 'https://api.velt.dev',
    credentials: ['VELT_API_KEY', 'VELT_AUTH_TOKEN'],
    idsPerCallMax: 30,
    concurrencyDefault: 8,
  },
  {
    name: 'supermemory',
    title: 'Supermemory',
    defaultUrl: 'https://api.supermemory.ai',
    credentials: ['SUPERMEMORY_API_KEY'],
    idsPerCallMax: 100,
    concurrencyDefault: 8,
  },
];
const DATA_KEY = Buffer.alloc(32, 7).toString('base64');
const LEDGER_KEY = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const DATABASE_URL = 'postgresql://expunge:hunter2@db/expunge';

const read = (env: Environment) => readConfig(env, PROVIDERS);

function problem(env: Environment): string {
  try {
    read(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'none';
}

describe('without any variable', () => {
  const { providers, ...rest } = read({});

  it('the documented defaults hold', () => {
    expect(rest).toEqual({
      host: '127.0.0.1',
      port: 3000,
      role: 'all',
      databaseUrl: null,
      dataDir: join(process.cwd(), '.data'),
      redisUrl: null,
      providerTimeoutMs: 30_000,
      leaseMarginMs: 15_000,
      batchLingerMs: 200,
      retryBaseMs: 1000,
      retryMaxAttempts: 8,
      clockOffsetMaxMs: 2_000,
      watchdogLimitMs: 60_000,
      bootstrapApiKey: null,
      dataKey: null,
      nextDataKey: null,
      limits: { authFailuresPerMinute: 30, keyRequestsPerMinute: 12_000, trustedProxies: 0 },
      ledgerSigningKey: null,
      nextLedgerSigningKey: null,
      retentionDays: null,
      allowPrivateEndpoints: false,
      logLevel: 'info',
      production: false,
    });
  });

  it('every provider has its own defaults and is not configured', () => {
    const limits = { credentials: null, concurrency: 8, callsPerMinute: null };
    expect([...providers]).toEqual([
      ['velt', { url: 'https://api.velt.dev', idsPerCall: 30, ...limits }],
      ['supermemory', { url: 'https://api.supermemory.ai', idsPerCall: 100, ...limits }],
    ]);
  });
});

describe('a variable', () => {
  it('that is empty counts as unset', () => {
    const names = ['PORT', 'HOST', 'ROLE', 'DATABASE_URL', 'DATA_DIR', 'REDIS_URL', 'VELT_API_URL', 'VELT_API_KEY'];
    names.push(
      'VELT_IDS_PER_CALL',
      'RETENTION_DAYS',
      'DATA_KEY',
      'LEDGER_SIGNING_KEY',
      'BOOTSTRAP_API_KEY',
      'LOG_LEVEL',
    );
    expect(read(Object.fromEntries(names.map((name) => [name, ''])))).toEqual(read({}));
  });

  it('that is set is taken', () => {
    const config = read({
      HOST: '::1',
      PORT: '0',
      ROLE: 'worker',
      DATABASE_URL,
      DATA_DIR: '/srv/expunge',
      REDIS_URL: 'rediss://:secret@cache:6380/1',
      PROVIDER_TIMEOUT_MS: '250',
      LEASE_MARGIN_MS: '100',
      BATCH_LINGER_MS: '0',
      RETRY_BASE_MS: '5',
      RETRY_MAX_ATTEMPTS: '1',
      AUTH_FAILURES_PER_MINUTE: '5',
      KEY_REQUESTS_PER_MINUTE: '1000000',
      TRUSTED_PROXIES: '2',
      BOOTSTRAP_API_KEY: 'k'.repeat(32),
      DATA_KEY,
      LEDGER_SIGNING_KEY: LEDGER_KEY,
      RETENTION_DAYS: '90',
      ALLOW_PRIVATE_ENDPOINTS: 'true',
      LOG_LEVEL: 'silent',
      NODE_ENV: 'production',
    });
    expect(config).toMatchObject({
      host: '::1',
      port: 0,
      role: 'worker',
      databaseUrl: DATABASE_URL,
      dataDir: '/srv/expunge',
      redisUrl: 'rediss://:secret@cache:6380/1',
      providerTimeoutMs: 250,
      leaseMarginMs: 100,
      batchLingerMs: 0,
      retryBaseMs: 5,
      retryMaxAttempts: 1,
      limits: { authFailuresPerMinute: 5, keyRequestsPerMinute: 1_000_000, trustedProxies: 2 },
      bootstrapApiKey: 'k'.repeat(32),
      dataKey: Buffer.alloc(32, 7),
      ledgerSigningKey: LEDGER_KEY,
      retentionDays: 90,
      allowPrivateEndpoints: true,
      logLevel: 'silent',
      production: true,
    });
  });

  it.each([
    ['PORT', ['65536', '-1', '1e3', '80.0', '0x50', ' 80', '080', 'http']],
    ['HOST', ['a b', 'http://localhost', '-x']],
    ['ROLE', ['API', 'both']],
    ['DATABASE_URL', ['db.example', 'mysql://db/x', 'postgresql']],
    ['REDIS_URL', ['localhost:6379', 'http://cache']],
    [
      'VELT_API_URL',
      [
        'http://api.velt.dev',
        'ftp://127.0.0.1',
        'api.velt.dev',
        'https://u:p@api.velt.dev',
        'https://api.velt.dev/v2',
        'https://api.velt.dev/?a',
        'http://127.0.0.1.example',
        'http://localhost.example',
      ],
    ],
    ['VELT_IDS_PER_CALL', ['0', '31', '1.5', '-3']],
    ['SUPERMEMORY_IDS_PER_CALL', ['0', '101']],
    ['VELT_CONCURRENCY', ['0', '1001', 'eight']],
    ['SUPERMEMORY_CALLS_PER_MINUTE', ['0', 'unlimited']],
    ['PROVIDER_TIMEOUT_MS', ['0', '30s', '1e4', '99999999999999999999']],
    ['LEASE_MARGIN_MS', ['0', '-1']],
    ['BATCH_LINGER_MS', ['60001', '-1']],
    ['RETRY_BASE_MS', ['0', '900001']],
    ['RETRY_MAX_ATTEMPTS', ['0', 'Infinity']],
    ['BOOTSTRAP_API_KEY', ['k'.repeat(31), `${'k'.repeat(32)} `, `${'k'.repeat(32)}\n`, 'ü'.repeat(32)]],
    ['DATA_KEY', [Buffer.alloc(31).toString('base64'), Buffer.alloc(32).toString('hex'), 'secret']],
    ['LEDGER_SIGNING_KEY', ['secret', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----']],
    ['RETENTION_DAYS', ['-1', '30d', '36501']],
    ['ALLOW_PRIVATE_ENDPOINTS', ['yes', '1', 'TRUE']],
    ['LOG_LEVEL', ['verbose', 'INFO']],
    ['VELT_API_KEY', ['a b', 'a\nb', 'é']],
  ])('%s that is wrong is refused in one line that names it and repeats nothing', (variable, values) => {
    for (const value of values) {
      const message = problem({ VELT_AUTH_TOKEN: 't', VELT_API_KEY: 'k', [variable]: value });
      expect(message, value).toMatch(new RegExp(`^${variable} must .*$`));
      if (value.length > 4 && !['postgresql'].includes(value)) expect(message).not.toContain(value);
    }
  });

  it('never throws anything but one line that names a variable, whatever stands in it', () => {
    const names = [
      'PORT',
      'HOST',
      'DATABASE_URL',
      'REDIS_URL',
      'VELT_API_URL',
      'DATA_KEY',
      'LEDGER_SIGNING_KEY',
      'RETENTION_DAYS',
      'DATA_DIR',
    ];
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.string({ unit: 'binary' }), (name, value) => {
        expect(problem({ [name]: value })).toMatch(new RegExp(`^(none|${name} must [^\\n]*)$`));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a provider', () => {
  it('is configured by all of its credentials', () => {
    const { providers } = read({ VELT_API_KEY: 'k', VELT_AUTH_TOKEN: 't' });
    expect(providers.get('velt')?.credentials).toEqual({ VELT_API_KEY: 'k', VELT_AUTH_TOKEN: 't' });
    expect(providers.get('supermemory')?.credentials).toBe(null);
  });

  it('with only some of its credentials is refused, naming the missing one', () => {
    expect(problem({ VELT_API_KEY: 'sesame' })).toBe('VELT_AUTH_TOKEN must be set when VELT_API_KEY is');
    expect(problem({ VELT_AUTH_TOKEN: 'sesame' })).toBe('VELT_API_KEY must be set when VELT_AUTH_TOKEN is');
  });

  it.each([
    'http://127.0.0.1:4010',
    'http://127.8.0.1',
    'http://localhost:1',
    'http://[::1]:8080',
    'https://eu.velt.dev',
  ])('may be at %s', (url) => {
    expect(read({ VELT_API_URL: url }).providers.get('velt')?.url).toBe(url);
    expect(read({ VELT_API_URL: `${url}/` }).providers.get('velt')?.url).toBe(url);
  });

  it('takes fewer IDs a call than it could, and its own limits', () => {
    const { providers } = read({ VELT_IDS_PER_CALL: '1', VELT_CONCURRENCY: '2', VELT_CALLS_PER_MINUTE: '60' });
    expect(providers.get('velt')).toMatchObject({ idsPerCall: 1, concurrency: 2, callsPerMinute: 60 });
    expect(providers.get('supermemory')).toMatchObject({ idsPerCall: 100, concurrency: 8, callsPerMinute: null });
  });
});

describe('a role other than all', () => {
  const complete = { DATABASE_URL, DATA_KEY, LEDGER_SIGNING_KEY: LEDGER_KEY };

  it.each(['api', 'worker'])('(%s) needs the database and both keys', (ROLE) => {
    expect(problem({ ROLE, ...complete })).toBe('none');
    for (const variable of Object.keys(complete)) {
      expect(problem({ ROLE, ...complete, [variable]: undefined })).toBe(
        `${variable} must be set when ROLE is ${ROLE}`,
      );
    }
  });
});
