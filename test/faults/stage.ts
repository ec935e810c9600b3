/** Where one run takes place: a database, a queue, the pretended providers and the processes of the service. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Pool, QueryResultRow } from 'pg';
import { SANDBOX_KEYS, startSandbox } from '#src/sandbox/sandbox.js';
import type { Sandbox } from '#src/sandbox/sandbox.js';
import { ApiClient } from '../support/api-client.js';
import { startRedis } from '../support/redis-server.js';
import type { PrivateRedis } from '../support/redis-server.js';
import { until } from '../support/until.js';
import type { Disturbed, PeriodExport } from './evidence.js';
import type { SuitePostgres } from './postgres.js';
import { runProgram, ServiceProcess } from './processes.js';
import type { Role, StartOptions } from './processes.js';
import { TcpProxy } from './tcp-proxy.js';

export type Backend = 'redis' | 'postgres';

/** Low, since every wait for a lease takes as long. What is measured scales with them. */
export const TIMINGS = { timeoutMs: 2000, marginMs: 1500 } as const;
export const LEASE_MS = TIMINGS.timeoutMs + TIMINGS.marginMs;
export const CONCURRENCY = 4;
/** Long enough for calls to be under way when something happens. */
const LATENCY_MS = 120;
const IDS_PER_CALL = 5;
const KEY = 'faults-faults-faults-faults-faults-faults';

export interface StageOptions {
  readonly backend: Backend;
  readonly seed: number;
  readonly proxied?: boolean;
  readonly latencyMs?: number;
  readonly callsPerMinute?: number;
  readonly env?: Readonly<Record<string, string>>;
}

export class Stage {
  readonly processes: ServiceProcess[] = [];
  readonly disturbed: Disturbed[] = [];
  readonly steeredByHand = new Set<string>();
  readonly notes: string[] = [];
  /** Period exports that were taken while the run went on. */
  readonly exports: PeriodExport[] = [];
  closed = false;
  readonly proxy: TcpProxy;
  redis: PrivateRedis | null;
  redisProxy: TcpProxy | null = null;
  /** PKCS#8 PEM: with it the service signs its ledger. */
  readonly signingKey = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  /** What every process of the stage is started with, but for its database and its queue. */
  private readonly env: Record<string, string>;

  private constructor(
    readonly options: StageOptions,
    readonly postgres: SuitePostgres,
    readonly database: string,
    readonly sandbox: Sandbox,
    redis: PrivateRedis | null,
  ) {
    this.redis = redis;
    this.pool = postgres.pool(database, 4);
    this.proxy = new TcpProxy(() => postgres.socket());
    this.env = environment(sandbox.url, this.signingKey, options);
  }

  private pool: Pool;

  static async open(postgres: SuitePostgres, options: StageOptions): Promise<Stage> {
    const sandbox = await startSandbox({ randomSeed: options.seed, latencyMs: options.latencyMs ?? LATENCY_MS });
    const redis = options.backend === 'redis' ? await startRedis() : null;
    const stage = new Stage(options, postgres, await postgres.database(), sandbox, redis);
    if (options.proxied === true) {
      await stage.proxy.open();
      if (redis !== null) {
        stage.redisProxy = new TcpProxy(() => ({ host: '127.0.0.1', port: redis.port }));
        await stage.redisProxy.open();
      }
    }
    return stage;
  }

  /** Starts a process; it need not be ready yet. */
  spawn(role: Role, options: StartOptions = {}): ServiceProcess {
    const name = `${role} ${this.processes.length + 1}`;
    const made = new ServiceProcess(name, role, this.whole(), options);
    this.processes.push(made);
    return made;
  }

  /** Runs a command of the service beside it, to its end. */
  program(...args: readonly string[]): Promise<{ readonly code: number | null; readonly said: string }> {
    return runProgram(args, this.whole());
  }

  private whole(): Record<string, string> {
    const { proxied = false } = this.options;
    const databaseUrl = proxied
      ? this.postgres.urlThrough(this.proxy.address, this.database)
      : this.postgres.url(this.database);
    const port = this.redisProxy?.address.port ?? this.redis?.port;
    const redisUrl = port === undefined ? {} : { REDIS_URL: `redis://127.0.0.1:${port}` };
    return { ...this.env, ...redisUrl, DATABASE_URL: databaseUrl };
  }

  /** Starts a process and waits until it is ready. */
  async start(role: Role, options: StartOptions = {}): Promise<ServiceProcess> {
    const made = this.spawn(role, options);
    if (!(await made.ready())) throw new Error(`${made.name} ended at its start: ${made.log.slice(-3).join(' | ')}`);
    return made;
  }

  /** One API process and so many workers, all ready. */
  async cast(workers: number): Promise<void> {
    await Promise.all([this.start('api'), ...Array.from({ length: workers }, () => this.start('worker'))]);
  }

  running(role: Role): ServiceProcess[] {
    return this.processes.filter((one) => one.role === role && one.runs);
  }

  /** The API of now; null while none is up. */
  api(): ApiClient | null {
    const up = this.processes.find((one) => one.role !== 'worker' && one.runs && one.url !== null);
    return up?.url === null || up?.url === undefined ? null : new ApiClient(up.url, KEY);
  }

  anApi(): Promise<ApiClient> {
    return until('an API to be up', () => this.api() ?? undefined, { withinMs: 60_000 });
  }

  async sql<Row extends QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return (await this.pool.query<Row>(text, [...values])).rows;
  }

  /** Kills a process as it stands. */
  async kill(victim: ServiceProcess): Promise<void> {
    const fromMs = Date.now();
    await victim.kill();
    this.disturbed.push({ what: `kill -9 of ${victim.name}`, fromMs, toMs: Date.now(), losesCalls: true, kill: true });
  }

  /** Waits until a process has killed itself at its failpoint, and throws when it ended otherwise. */
  async diesAt(victim: ServiceProcess, failpoint: string): Promise<void> {
    victim.endExpected = true;
    await victim.gone();
    const atMs = victim.end?.atMs ?? Date.now();
    if (victim.diedAt !== failpoint || victim.end?.signal !== 'SIGKILL') {
      throw new Error(`${victim.name} was to die at "${failpoint}" and ended by ${JSON.stringify(victim.end)}`);
    }
    this.disturbed.push({ what: `kill -9 at: ${failpoint}`, fromMs: atMs, toMs: atMs, losesCalls: true, kill: true });
    this.notes.push(`${victim.name} killed at: ${failpoint}`);
  }

  /** Something that lasts. */
  async during(what: string, losesCalls: boolean, work: () => Promise<void>): Promise<void> {
    const fromMs = Date.now();
    try {
      await work();
    } finally {
      this.disturbed.push({ what, fromMs, toMs: Date.now(), losesCalls, kill: false });
    }
  }

  /** What must be true for the fault to have happened at all. */
  mustHave(happened: boolean, what: string): void {
    if (!happened) throw new Error(`the fault did not happen: ${what}`);
    this.notes.push(what);
  }

  /** Enough processes to get everything done, none of them disturbed. */
  async calm(): Promise<void> {
    if (this.running('api').length + this.running('all').length === 0) await this.start('api');
    if (this.running('worker').length + this.running('all').length === 0) await this.start('worker');
    await Promise.all([...this.running('api'), ...this.running('worker')].map(async (one) => one.ready()));
  }

  /** Waits until nothing is pending. Gives the milliseconds that it took, or null when it did not come to it. */
  async quiet(withinMs: number): Promise<number | null> {
    const beganMs = performance.now();
    while (performance.now() - beganMs < withinMs) {
      const [row] = await this.sql<{ n: number }>('select coalesce(sum(pending), 0)::int as n from erasure_request');
      if (row?.n === 0) return performance.now() - beganMs;
      await pause(50);
    }
    return null;
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.all(this.processes.filter((one) => one.runs).map(async (one) => one.kill()));
    await this.proxy.close();
    await this.redisProxy?.close();
    await this.sandbox.close();
    await this.redis?.stop();
    await this.pool.end();
    await this.postgres.drop(this.database);
  }

  /** After the server was started anew, perhaps elsewhere. */
  async reconnect(): Promise<void> {
    await this.pool.end();
    this.pool = this.postgres.pool(this.database, 4);
  }
}

function environment(providerUrl: string, signingKey: string, options: StageOptions): Record<string, string> {
  const limit = options.callsPerMinute === undefined ? null : String(options.callsPerMinute);
  return {
    DATA_KEY: randomBytes(32).toString('base64'),
    LEDGER_SIGNING_KEY: signingKey,
    BOOTSTRAP_API_KEY: KEY,
    LOG_LEVEL: 'info',
    PROVIDER_TIMEOUT_MS: String(TIMINGS.timeoutMs),
    LEASE_MARGIN_MS: String(TIMINGS.marginMs),
    BATCH_LINGER_MS: '20',
    RETRY_BASE_MS: '50',
    VELT_API_URL: providerUrl,
    VELT_API_KEY: SANDBOX_KEYS.velt.apiKey,
    VELT_AUTH_TOKEN: SANDBOX_KEYS.velt.authToken,
    SUPERMEMORY_API_URL: providerUrl,
    SUPERMEMORY_API_KEY: SANDBOX_KEYS.supermemory.apiKey,
    VELT_IDS_PER_CALL: String(IDS_PER_CALL),
    SUPERMEMORY_IDS_PER_CALL: String(IDS_PER_CALL),
    VELT_CONCURRENCY: String(CONCURRENCY),
    SUPERMEMORY_CONCURRENCY: String(CONCURRENCY),
    ...(limit === null ? {} : { VELT_CALLS_PER_MINUTE: limit, SUPERMEMORY_CALLS_PER_MINUTE: limit }),
    ...options.env,
  };
}
