/** What the tests of the embedded Postgres stand on: a folder of their own, and servers that are stopped after each. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { startEmbeddedPostgres } from '../../src/store/embedded-postgres.js';
import type { EmbeddedPostgres } from '../../src/store/embedded-postgres.js';
import { compiledModules, openFolder, runProcess } from './postgres-process.js';
import type { PostgresProcess } from './postgres-process.js';

const DEADLINE_MS = 20_000;

export class EmbeddedServers {
  folder = '';
  dataDir = '';
  /** What was logged since the test began. */
  lines: string[] = [];
  private main = '';
  private started: EmbeddedPostgres[] = [];

  /** Registers the hooks; called where tests are described. */
  constructor() {
    const modules = compiledModules();
    beforeAll(() => {
      this.main = join(modules.path, 'main.js');
    });
    afterAll(() => modules.remove());
    let remove: () => void = () => undefined;
    beforeEach(() => {
      const folder = openFolder();
      ({ path: this.folder, remove } = folder);
      this.dataDir = join(folder.path, 'data');
      this.lines = [];
      this.started = [];
    });
    afterEach(async () => {
      for (const server of this.started) await server.stop();
      remove();
    });
  }

  /** Starts in this process. */
  async start(options: { dataDir?: string; durable?: boolean } = {}): Promise<EmbeddedPostgres> {
    const log = (line: string): void => void this.lines.push(line);
    const server = await startEmbeddedPostgres({ dataDir: this.dataDir, durable: false, log, ...options });
    this.started.push(server);
    return server;
  }

  /** Starts in a process of its own, which holds until its input ends. */
  hold(): PostgresProcess {
    return runProcess([process.execPath, this.main, this.dataDir, 'hold']);
  }

  postmasterPid(): number {
    return Number(readFileSync(join(this.dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]);
  }
}

/** The values that a statement gives, row by row, over a connection of its own. */
export async function ask(server: EmbeddedPostgres, sql: string): Promise<unknown[]> {
  const client = new Client(server.connection);
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<unknown[]>({ text: sql, rowMode: 'array' });
    return rows.flat();
  } finally {
    await client.end();
  }
}

export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error('did not come true');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
