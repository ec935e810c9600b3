/**
 * The whole service in a test: the real one, on a database of its own, against a provider sandbox.
 *
 *     const service = await startTestService({ queue, sandbox: { seed }, env: { RETRY_BASE_MS: '5' } });
 *     const request = await service.api.erase([{ system: 'supermemory.documents', ids: ['m1'] }]);
 *     service.sandbox.ledger.callsWith('supermemory.documents', 'm1');
 *     await service.installation.start(); // another worker beside the first
 *     await service.stop(); // this one only; the database stays
 *     await service.installation.close(); // all of them, the sandbox and the database
 *
 * `openInstallation` is the same without a service running yet, and `service-process.ts` runs one as a process of its own.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { QueryResultRow } from 'pg';
import { readConfig } from '../../src/config.js';
import type { Role } from '../../src/config.js';
import type { Log } from '../../src/erasure/workplace.js';
import { SANDBOX_KEYS, startSandbox } from '../../src/sandbox/sandbox.js';
import type { Sandbox, SandboxOptions } from '../../src/sandbox/sandbox.js';
import { startService } from '../../src/service.js';
import { PROVIDERS } from '../../src/systems/registry.js';
import { ApiClient } from './api-client.js';
import { evidenceProblems } from './evidence.js';
import { testDatabase } from './postgres.js';
import type { TestDatabase } from './postgres.js';
import { POSTGRES_QUEUE } from './queues.js';
import type { TestQueue } from './queues.js';

export type Variables = Readonly<Record<string, string>>;

/** Short, so that what comes back comes back within a test. */
const TIMINGS: Variables = {
  BATCH_LINGER_MS: '20',
  RETRY_BASE_MS: '20',
  PROVIDER_TIMEOUT_MS: '2000',
  LEASE_MARGIN_MS: '1000',
};

/** What must hold of any database that no service works on, whatever happened before; looked at when all is closed. */
const BROKEN_RULES = `
  select 'a claim without its batch' as rule where exists (
    select from claim c where not exists (select from batch b where b.id = c.batch_id))
  union all select 'counts that are not those of the items' where exists (
    select from erasure_request r left join item i on i.request_id = r.id group by r.id
    having (r.pending, r.erased, r.already_absent, r.nothing_matched, r.unconfirmed, r.failed, r.cancelled) is distinct from
      (count(*) filter (where i.outcome = 'pending'), count(*) filter (where i.outcome = 'erased'),
        count(*) filter (where i.outcome = 'already_absent'), count(*) filter (where i.outcome = 'nothing_matched'),
        count(*) filter (where i.outcome = 'unconfirmed'), count(*) filter (where i.outcome = 'failed'),
        count(*) filter (where i.outcome = 'cancelled')))
  union all select 'an item called gone that no answered call carried' where exists (
    select from item i where i.outcome in ('erased', 'already_absent', 'nothing_matched') and not exists (
      select from attempt a join attempt_part p on p.attempt_id = a.id and p.request_id = i.request_id
      where a.id = i.proof_id and a.verdict = 'answered' and (i.id = any (p.item_ids) or i.selector_id = any (p.item_ids))))`;

export interface InstallationOptions {
  /** Where the jobs are kept; in Postgres where not set. */
  readonly queue?: TestQueue;
  /** One that runs already (it is left running), or how to start one. */
  readonly sandbox?: Sandbox | SandboxOptions;
  /** Variables of all services of this installation; they win over the short timings. */
  readonly env?: Variables;
  /** A database that exists already (it is left); else a fresh one. */
  readonly database?: TestDatabase;
  /** Over how long calls count against the limits by the minute; a minute and a little where not set. */
  readonly callWindowMs?: number;
}

export interface ServiceOptions {
  readonly role?: Role;
  /** Variables of this service alone. */
  readonly env?: Variables;
}

/** One running service of an installation. */
export interface TestService {
  readonly installation: Installation;
  readonly sandbox: Sandbox;
  readonly database: TestDatabase;
  readonly api: ApiClient;
  /** Everything that it logged, one JSON object a line. */
  readonly logged: readonly string[];
  /** Rows of a statement on the installation's database. */
  sql<Row extends QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Stops it as SIGTERM would; the installation stays. Safe to call twice. */
  stop(): Promise<void>;
}

/** What services of one installation have in common: database, sandbox, keys, queue. */
export class Installation {
  private readonly services: TestService[] = [];
  private closed: Promise<void> | null = null;

  private constructor(
    readonly database: TestDatabase,
    readonly sandbox: Sandbox,
    readonly queue: TestQueue,
    /** The environment of its services, whole. */
    readonly env: Variables,
    private readonly owned: readonly (() => Promise<void>)[],
    private readonly callWindowMs: number | undefined,
  ) {}

  static async open(options: InstallationOptions = {}): Promise<Installation> {
    const database = options.database ?? (await testDatabase());
    const given = options.sandbox ?? {};
    const sandbox = 'ledger' in given ? given : await startSandbox(given);
    const queue = options.queue ?? POSTGRES_QUEUE;
    const env = { ...TIMINGS, ...environment(database, sandbox), ...queue.env(), ...options.env };
    const owned = [
      ...('ledger' in given ? [] : [async () => sandbox.close()]),
      ...(options.database === undefined ? [async () => database.close()] : []),
    ];
    return new Installation(database, sandbox, queue, env, owned, options.callWindowMs);
  }

  /** Starts a service, beside those that run already. */
  async start({ role = 'all', env = {} }: ServiceOptions = {}): Promise<TestService> {
    const logged: string[] = [];
    const note = (facts: object, message: string): void => void logged.push(JSON.stringify({ ...facts, message }));
    const log: Log = { info: note, warn: note, error: note };
    const config = readConfig({ ...this.env, ROLE: role, ...env }, PROVIDERS);
    const service = await startService(config, log, this.callWindowMs);
    let stopped: Promise<void> | null = null;
    const running: TestService = {
      installation: this,
      sandbox: this.sandbox,
      database: this.database,
      api: this.client(service.url),
      logged,
      sql: (text, values) => this.sql(text, values),
      stop: async () => {
        stopped ??= service.stop();
        return stopped;
      },
    };
    this.services.push(running);
    return running;
  }

  /** A client with the installation's admin key. */
  client(url: string): ApiClient {
    return new ApiClient(url, this.env['BOOTSTRAP_API_KEY'] ?? '');
  }

  async sql<Row extends QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return (await this.database.pool.query<Row>(text, [...values])).rows;
  }

  /**
   * Stops every service, then the sandbox and the database if they were made here. Safe to call twice.
   * Throws when the database was left in a state that no crash and no order of events may leave behind.
   */
  async close(): Promise<void> {
    this.closed ??= this.closeAll();
    return this.closed;
  }

  private async closeAll(): Promise<void> {
    await Promise.all(this.services.map(async (service) => service.stop()));
    // A test may have taken the database away; then there is nothing to look at.
    const broken = await this.sql<{ rule: string }>(BROKEN_RULES).catch(() => []);
    // Nor where the keys were changed, or the ledger was broken on purpose.
    const wrong = await evidenceProblems(this.database.url, {
      dataKey: this.env['DATA_KEY'] ?? '',
      signingKey: this.env['LEDGER_SIGNING_KEY'] ?? '',
    }).catch(() => []);
    for (const close of this.owned) await close();
    if (wrong.length > 0) throw new Error(wrong.join('\n'));
    if (broken.length > 0) throw new Error(`the database was left with ${broken.map(({ rule }) => rule).join(', ')}`);
  }
}

/** An installation in which nothing runs yet. */
export function openInstallation(options: InstallationOptions = {}): Promise<Installation> {
  return Installation.open(options);
}

/** A service in an installation of its own; `service.installation.close()` takes everything away again. */
export async function startTestService(options: InstallationOptions & ServiceOptions = {}): Promise<TestService> {
  const { role, ...common } = options;
  const installation = await openInstallation(common);
  try {
    return await installation.start(role === undefined ? {} : { role });
  } catch (error) {
    await installation.close();
    throw error;
  }
}

/** Everything that a service needs to know, with keys that nobody else has. */
function environment(database: TestDatabase, sandbox: Sandbox): Variables {
  const { velt, supermemory } = SANDBOX_KEYS;
  return {
    HOST: '127.0.0.1',
    PORT: '0',
    DATABASE_URL: database.url,
    DATA_DIR: join(tmpdir(), 'expunge-never-made'),
    DATA_KEY: randomBytes(32).toString('base64'),
    LEDGER_SIGNING_KEY: generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    BOOTSTRAP_API_KEY: `test-${randomBytes(24).toString('hex')}`,
    VELT_API_URL: sandbox.url,
    VELT_API_KEY: velt.apiKey,
    VELT_AUTH_TOKEN: velt.authToken,
    SUPERMEMORY_API_URL: sandbox.url,
    SUPERMEMORY_API_KEY: supermemory.apiKey,
  };
}
