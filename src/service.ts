/** Puts the service together from its configuration, and takes it apart again in the right order. */
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import { configureHttp } from './api/configure-http.js';
import { fastifyAdapter } from './api/fastify-adapter.js';
import { CallMetrics } from './api/metrics.js';
import type { Config, ProviderConfig } from './config.js';
import { ConfigError } from './variables.js';
import { openForNewCredentials } from './erasure/resume-system.js';
import { Workplace } from './erasure/workplace.js';
import type { ConfiguredSystem, Log } from './erasure/workplace.js';
import { Deliveries } from './queue/deliveries.js';
import { Sealer } from './ledger/seal.js';
import type { SealWatch } from './ledger/seal.js';
import { postgresBackend, redisBackend } from './queue/queue-backend.js';
import { QueueDoorbell } from './queue/queue-doorbell.js';
import { Watchdog } from './queue/watchdog.js';
import type { Stuck } from './queue/watchdog.js';
import { ensureBootstrapKey } from './store/api-keys.js';
import { Database, openPool } from './store/database.js';
import { startEmbeddedPostgres } from './store/embedded-postgres.js';
import { ensureGates } from './store/gates.js';
import { checkDatabase, checkRedis } from './start-checks.js';
import { readOrMakeDataKey, readOrMakeLedgerKey } from './store/key-files.js';
import { migrate } from './store/migrate.js';
import { Vault } from './store/vault.js';
import { HttpClient } from './systems/http.js';
import { PROVIDERS, SYSTEMS } from './systems/registry.js';
import type { System } from './systems/system.js';

const DATABASE_CONNECTIONS = 24;

export interface Service {
  /** Where the API listens. */
  readonly url: string;
  /** The admin key made at this start, or null; it is never seen again. */
  readonly madeApiKey: string | null;
  /** Resolves when due work goes nowhere: this process must end, so that another is started in its place. */
  readonly stuck: Promise<Stuck>;
  /** Stops intake, lets running calls end (30 s at most), closes the queue, then the database. */
  stop(): Promise<void>;
}

/**
 * Starts everything that the configuration asks for. Throws with one clear line when it cannot. `callWindowMs`: over how
 * long calls are counted for the limits by the minute, if not over a minute; no variable sets it.
 */
export async function startService(config: Config, log: Log, callWindowMs?: number): Promise<Service> {
  const undo: (() => Promise<void>)[] = [];
  try {
    return await start(config, log, undo, callWindowMs);
  } catch (error) {
    await unwind(undo);
    throw error;
  }
}

async function unwind(undo: readonly (() => Promise<void>)[]): Promise<void> {
  for (const step of [...undo].reverse()) await step();
}

async function start(
  config: Config,
  log: Log,
  undo: (() => Promise<void>)[],
  callWindowMs: number | undefined,
): Promise<Service> {
  const databaseUrl = config.databaseUrl ?? (await embedded(config, log, undo));
  const onIdleError = (error: Error) => log.warn({ error: error.name }, 'a database connection was lost');
  const database = Database.open(databaseUrl, DATABASE_CONNECTIONS, onIdleError);
  undo.push(async () => database.close());
  await checkDatabase(config, database, log);
  const { applied } = await migrateFirst(databaseUrl, onIdleError);
  if (applied.length > 0) log.info({ migrations: applied }, 'the schema was brought up to date');
  await ensureGates(
    database,
    SYSTEMS.map((system) => ({ name: system.name, provider: system.provider.name })),
  );
  const vault = await Vault.open(database, async (sealed) => dataKey(config, sealed));
  const madeApiKey = await bootstrapKey(config, database, log);

  const metrics = new CallMetrics();
  const keys = { current: async (mayMake: boolean) => ledgerKey(config, mayMake), next: config.nextLedgerSigningKey };
  const sealer = await Sealer.open(database, keys, sealWatch(log, metrics));
  undo.push(async () => sealer.stop());
  sealer.start();

  const systems = configureSystems(config, vault, undo);
  const doorbell = new QueueDoorbell();
  const workplace = new Workplace(database, vault, systems, config, doorbell, log, metrics, callWindowMs);
  await openForNewCredentials(workplace);
  const backend =
    config.redisUrl === null
      ? await postgresBackend(databaseUrl, onIdleError)
      : await redisBackend(config.redisUrl, log);
  undo.push(async () => backend.close());
  checkRedis(backend.state(), log);

  const parts = { workplace, sealer, metrics, backend, doorbell, role: config.role, limits: config.limits };
  const adapter = fastifyAdapter(log, undefined, config.limits.trustedProxies);
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.over(parts), adapter, {
    logger: false,
    abortOnError: false,
    rawBody: true,
  });
  configureHttp(app);
  undo.push(async () => app.close());
  await app.listen(config.port, config.host);
  const url = await app.getUrl();
  log.info({ url, role: config.role, queue: backend.kind, systems: [...workplace.configuredNames()] }, 'ready');
  const stuck =
    config.role === 'api'
      ? new Promise<Stuck>(() => undefined)
      : watch(config, workplace, app.get(Deliveries, { strict: false }), databaseUrl, undo);
  return { url, madeApiKey, stuck, stop: async () => unwind(undo) };
}

function watch(
  config: Config,
  workplace: Workplace,
  deliveries: Deliveries,
  databaseUrl: string,
  undo: (() => Promise<void>)[],
): Promise<Stuck> {
  const database = Database.open(databaseUrl, 1, () => undefined);
  return new Promise((resolve) => {
    const watchdog = new Watchdog(workplace, database, deliveries, config.watchdogLimitMs, resolve);
    undo.push(async () => {
      watchdog.stop();
      await database.close();
    });
    watchdog.start();
  });
}

/** Over a connection of its own: a migration may take longer than any statement of the work. */
async function migrateFirst(databaseUrl: string, onIdleError: (error: Error) => void): ReturnType<typeof migrate> {
  const pool = openPool(databaseUrl, 1, '', onIdleError, { answerWithinMs: null });
  try {
    return await migrate(pool);
  } finally {
    await pool.end();
  }
}

async function embedded(config: Config, log: Log, undo: (() => Promise<void>)[]): Promise<string> {
  const postgres = await startEmbeddedPostgres({
    dataDir: config.dataDir,
    durable: true,
    log: (line) => log.info({ dataDir: config.dataDir }, line),
  });
  undo.push(async () => postgres.stop());
  return postgres.url;
}

async function dataKey(config: Config, sealedAlready: boolean): Promise<Buffer> {
  if (config.dataKey !== null) return config.dataKey;
  if (config.production) throw new ConfigError('DATA_KEY', 'must be set when NODE_ENV is production');
  return readOrMakeDataKey(config.dataDir, !sealedAlready);
}

async function ledgerKey(config: Config, mayMake: boolean): Promise<string> {
  if (config.ledgerSigningKey !== null) return config.ledgerSigningKey;
  if (config.production) throw new ConfigError('LEDGER_SIGNING_KEY', 'must be set when NODE_ENV is production');
  return readOrMakeLedgerKey(config.dataDir, mayMake);
}

/** A ledger that is not what was signed is the one thing that must not pass unseen. */
function sealWatch(log: Log, metrics: CallMetrics): SealWatch {
  return {
    refused(why) {
      if (why !== null) log.error({ why }, 'THE LEDGER WAS TAMPERED WITH OR IS BROKEN: nothing more is signed');
      metrics.ledgerRefused(why !== null);
    },
    failed: (error) =>
      log.warn({ error: error instanceof Error ? error.name : typeof error }, 'nothing could be sealed'),
  };
}

async function bootstrapKey(config: Config, database: Database, log: Log): Promise<string | null> {
  const known = (await database.prisma.apiKey.count()) > 0;
  if (config.bootstrapApiKey === null && !known && config.production) {
    throw new ConfigError('BOOTSTRAP_API_KEY', 'must be set for the first start when NODE_ENV is production');
  }
  const bootstrapped = await ensureBootstrapKey(database, config.bootstrapApiKey);
  if (bootstrapped.kind === 'revoked')
    log.warn({}, 'BOOTSTRAP_API_KEY was revoked earlier and opens nothing; set another');
  return bootstrapped.kind === 'made' ? bootstrapped.key : null;
}

function configureSystems(
  config: Config,
  vault: Vault,
  undo: (() => Promise<void>)[],
): ReadonlyMap<string, ConfiguredSystem> {
  const clients = new Map<string, HttpClient>();
  for (const provider of PROVIDERS) {
    const { url, concurrency } = providerConfig(config, provider.name);
    const client = new HttpClient({ origin: url, timeoutMs: config.providerTimeoutMs, connections: concurrency });
    clients.set(provider.name, client);
    undo.push(async () => client.close());
  }
  return new Map(
    SYSTEMS.map((system) => {
      const client = clients.get(system.provider.name);
      if (!client) throw new Error(`provider ${system.provider.name} has no client`);
      return [system.name, configureSystem(system, providerConfig(config, system.provider.name), client, vault)];
    }),
  );
}

function providerConfig(config: Config, name: string): ProviderConfig {
  const found = config.providers.get(name);
  if (!found) throw new Error(`provider ${name} has no configuration`);
  return found;
}

function configureSystem(system: System, given: ProviderConfig, client: HttpClient, vault: Vault): ConfiguredSystem {
  const { credentials, concurrency, callsPerMinute } = given;
  return {
    system,
    provider: { name: system.provider.name, concurrency, callsPerMinute },
    configured: credentials !== null,
    idsPerCall: given.idsPerCall,
    credentialsDigest: credentials === null ? null : vault.lookupDigest('credentials', JSON.stringify(credentials)),
    async send(call, mayStillSend) {
      if (credentials === null) throw new Error(`${system.name} is not configured`);
      const reply = await client.send(system.write(call, credentials), { beforeFirstByte: mayStillSend });
      const reading = system.classify(call, reply);
      const whole = reply.kind === 'reply';
      return {
        reading,
        httpStatus: reply.status,
        sha256: whole ? reply.sha256 : null,
        left: whole || reply.sent || reply.cause !== 'not_sent',
      };
    },
  };
}
