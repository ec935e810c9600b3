/** The suite's own Postgres: one server for all runs, a database for each, and ways to make it fail as a whole. */
import { readFileSync, rmSync, mkdtempSync } from 'node:fs';
import type { NetConnectOpts } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Pool } from 'pg';
import { startEmbeddedPostgres } from '#src/store/embedded-postgres.js';
import type { EmbeddedPostgres } from '#src/store/embedded-postgres.js';
import { migrate } from '#src/store/migrate.js';
import { until } from '../support/until.js';
import { keepHistory } from './history.js';

const TEMPLATE = 'faults_template';
const BACK_WITHIN_MS = 60_000;

export class SuitePostgres {
  private databases = 0;

  private constructor(
    private readonly dir: string,
    private server: EmbeddedPostgres,
  ) {}

  static async start(): Promise<SuitePostgres> {
    const dir = mkdtempSync(join(tmpdir(), 'expunge-faults-'));
    const suite = new SuitePostgres(dir, await launch(dir));
    await suite.asAdmin(`create database ${TEMPLATE}`);
    const pool = suite.pool(TEMPLATE, 1);
    await migrate(pool);
    await keepHistory(pool);
    await pool.end();
    return suite;
  }

  /** A database with the schema and no rows. What was committed survives a kill of the server. */
  async database(): Promise<string> {
    this.databases += 1;
    const name = `faults_${this.databases}`;
    await this.asAdmin(`create database ${name} template ${TEMPLATE} strategy file_copy`);
    await this.asAdmin(`alter database ${name} set synchronous_commit = on`);
    return name;
  }

  async drop(name: string): Promise<void> {
    await this.asAdmin(`drop database ${name} with (force)`);
  }

  pool(database: string, max: number): Pool {
    const pool = new Pool({ ...this.server.connection, database, max, application_name: 'expunge-faults' });
    pool.on('error', () => undefined);
    return pool;
  }

  url(database: string): string {
    const { user, port, host } = this.server.connection;
    return `postgresql://${user}@localhost:${port}/${database}?host=${encodeURIComponent(host)}&sslmode=disable`;
  }

  urlThrough(proxy: { readonly host: string; readonly port: number }, database: string): string {
    return `postgresql://${this.server.connection.user}@${proxy.host}:${proxy.port}/${database}?sslmode=disable`;
  }

  /** Where it listens now. */
  socket(): NetConnectOpts {
    const { host, port } = this.server.connection;
    return { path: join(host, `.s.PGSQL.${port}`) };
  }

  /** What `pg_ctl stop -m immediate` does. The server comes back by itself; resolves when it answers. */
  async killImmediately(): Promise<void> {
    const [row] = await this.asAdmin<{ dir: string }>("select current_setting('data_directory') as dir");
    const pid = Number(readFileSync(join(row?.dir ?? '', 'postmaster.pid'), 'utf8').split('\n')[0]);
    process.kill(pid, 'SIGQUIT');
    await until('the killed Postgres to end', () => this.answers().then((yes) => (yes ? undefined : true)));
    await this.back();
  }

  /** Stopped in order, and not there at all until it is started again. */
  async away(during: () => Promise<void>): Promise<void> {
    await this.server.stop();
    try {
      await during();
    } finally {
      this.server = await launch(this.dir);
      await this.back();
    }
  }

  async stop(): Promise<void> {
    await this.server.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  private async back(): Promise<void> {
    const answers = (): Promise<true | undefined> => this.answers().then((yes) => (yes ? true : undefined));
    await until('Postgres to be back', answers, { withinMs: BACK_WITHIN_MS });
  }

  private answers(): Promise<boolean> {
    return this.asAdmin('select 1').then(
      () => true,
      () => false,
    );
  }

  private async asAdmin<Row extends object>(statement: string): Promise<Row[]> {
    const client = new Client({ ...this.server.connection, database: 'postgres' });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Row>(statement)).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

function launch(dir: string): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({ dataDir: join(dir, 'data'), durable: false, log: () => undefined });
}
