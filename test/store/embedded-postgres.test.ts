import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { ask, EmbeddedServers } from './embedded-servers.js';
import { bareModules, compiledModules, runProcess } from './postgres-process.js';

const servers = new EmbeddedServers();

describe('the embedded Postgres', () => {
  it('keeps what it stored over a restart', async () => {
    const first = await servers.start();
    await ask(first, 'CREATE TABLE kept AS SELECT 7 AS value');
    await first.stop();
    expect(await ask(await servers.start(), 'SELECT value FROM kept')).toEqual([7]);
  });

  it('listens on nothing but a socket that other users cannot open', async () => {
    const server = await servers.start();
    expect(await ask(server, "SELECT current_setting('listen_addresses')")).toEqual(['']);
    const socket = statSync(join(server.connection.host, `.s.PGSQL.${server.connection.port}`));
    expect(socket.mode & 0o777).toBe(0o700);
  });

  it('answers on its URL too', async () => {
    const server = await servers.start();
    const client = new Client({ connectionString: server.url });
    await client.connect();
    const { rows } = await client.query('SELECT current_database() AS name');
    await client.end();
    expect(rows).toEqual([{ name: 'expunge' }]);
  });

  it('writes through to the disk when it is durable', async () => {
    const server = await servers.start({ durable: true });
    const settings = ['fsync', 'full_page_writes', 'synchronous_commit'];
    const values = await ask(server, `SELECT ${settings.map((name) => `current_setting('${name}')`).join(', ')}`);
    expect(values).toEqual(['on', 'on', 'on']);
  });

  it('gives its programs nothing of our environment', async (context) => {
    if (process.platform !== 'linux') return context.skip('needs /proc');
    await servers.start();
    const names = readFileSync(`/proc/${servers.postmasterPid()}/environ`, 'utf8')
      .split('\0')
      .map((entry) => entry.split('=')[0]);
    expect(names).not.toContain('HOME');
    expect(names).toContain('LD_LIBRARY_PATH');
  });

  it('is out of reach of a Ctrl-C in the terminal, so that the service stops first', async (context) => {
    if (process.platform !== 'linux') return context.skip('needs /proc');
    await servers.start();
    const pid = servers.postmasterPid();
    const [, , group] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    expect(Number(group)).toBe(pid);
  });

  it('runs where the install script that makes its links did not', async () => {
    const bare = bareModules(servers.folder);
    const other = compiledModules(bare);
    const run = runProcess([process.execPath, join(other.path, 'main.js'), servers.dataDir]);
    expect(await run.answer).toMatchObject({ starts: 1 });
    await run.ended;
    other.remove();
  });

  it('logs neither statements nor values', async () => {
    const server = await servers.start();
    await ask(server, 'CREATE TABLE person (name text PRIMARY KEY)');
    await ask(server, "INSERT INTO person VALUES ('Ada Lovelace')");
    await expect(ask(server, "INSERT INTO person VALUES ('Ada Lovelace')")).rejects.toThrow(/duplicate key/);
    await expect(ask(server, "SELECT 'Ada Lovelace'::uuid")).rejects.toThrow(/invalid input/);
    await server.stop();
    expect(readFileSync(join(servers.dataDir, 'postgres.log'), 'utf8')).not.toContain('Lovelace');
  });

  it('puts its socket elsewhere when the path of the data folder is too long for one', async () => {
    const long = join(servers.folder, 'x'.repeat(120));
    const server = await servers.start({ dataDir: long });
    expect(await ask(server, 'SELECT 1')).toEqual([1]);
    expect(server.connection.host.startsWith(long)).toBe(false);
    await server.stop();
    expect(existsSync(server.connection.host)).toBe(false);
  });

  it('begins anew after a first start that was cut off', async () => {
    mkdirSync(join(servers.dataDir, 'postgres.draft-1'), { recursive: true });
    await servers.start();
    expect(readdirSync(servers.dataDir).filter((name) => name.includes('draft'))).toEqual([]);
  });

  it('refuses a data folder that cannot be one, in one line that names it', async () => {
    const file = join(servers.folder, 'file');
    writeFileSync(file, '');
    await expect(servers.start({ dataDir: file })).rejects.toThrow(/^DATA_DIR .*file cannot be used: .*$/);
  });

  it('says what Postgres said when it does not start', async () => {
    await (await servers.start()).stop();
    writeFileSync(join(servers.dataDir, 'postgres', 'PG_VERSION'), '9.6\n');
    await expect(servers.start()).rejects.toThrow(
      /^The embedded Postgres does not start \(FATAL: .*incompatible.*\); see .*postgres\.log$/,
    );
    writeFileSync(join(servers.dataDir, 'postgres', 'PG_VERSION'), '18\n');
    expect(await ask(await servers.start(), 'SELECT 1')).toEqual([1]);
  });
});
