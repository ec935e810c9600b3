/**
 * The database when no DATABASE_URL is set: a real Postgres that belongs to one service process, listens only on a
 * Unix socket that no other user may open, keeps its cluster in the data folder, and ends with its parent.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { Client } from 'pg';
import { DirectoryInUseError, lockDirectory } from './directory-lock.js';
import type { DirectoryLock } from './directory-lock.js';
import { endOrphan } from './orphaned-postgres.js';
import { EmbeddedPostgresError, preparePrograms } from './postgres-programs.js';
import type { PostgresPrograms } from './postgres-programs.js';
import { lastComplaint, PostgresServer } from './postgres-server.js';

const USER = 'expunge';
const DATABASE = 'expunge';
const PORT = 5432;
/** The least of what the platforms take for a socket's path. */
const SOCKET_PATH_BYTES_MAX = 103;

/** Given to pg as it is. */
export interface PostgresConnection {
  /** The folder of the socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly ssl: false;
}

export interface EmbeddedPostgres {
  readonly connection: PostgresConnection;
  /** The same as a URL, for pg and for Prisma's adapter. */
  readonly url: string;
  /** Ends Postgres (open transactions are rolled back) and gives the data folder free. Safe to call twice. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** Made when missing. One living process at a time may use it. */
  readonly dataDir: string;
  /** False only in tests: faster, but a crash of the machine may cost the whole cluster. */
  readonly durable: boolean;
  /** Takes one line at a time, nothing personal in it. */
  readonly log: (line: string) => void;
}

/**
 * Starts Postgres over the cluster in `dataDir`/postgres, which the first start makes, and returns once it answers.
 * A Postgres that an earlier, killed process left running there is ended first; one that dies is started again.
 * @throws {EmbeddedPostgresError} one line that says what to do
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { durable, log } = options;
  const { dataDir, lock } = claim(options.dataDir);
  let socket: SocketFolder | null = null;
  try {
    const programs = preparePrograms(dataDir, log);
    const { clusterDir } = programs;
    const logPath = join(dataDir, 'postgres.log');
    if (existsSync(logPath)) renameSync(logPath, `${logPath}.previous`);
    await endOrphan(clusterDir, log);
    if (!existsSync(join(clusterDir, 'PG_VERSION'))) await makeCluster(programs, durable, logPath);
    socket = socketFolder(programs);
    const connection = { host: socket.path, port: PORT, user: USER, database: DATABASE, ssl: false } as const;
    const args = serverArguments(clusterDir, socket.path, durable);
    const server = new PostgresServer(programs, args, { ...connection, database: 'postgres' }, logPath, log);
    await server.start();
    await makeDatabase(connection).catch(async (error: unknown) => {
      await server.stop();
      throw error;
    });
    return running(server, connection, socket, lock);
  } catch (error) {
    socket?.remove();
    lock.release();
    throw error;
  }
}

function running(
  server: PostgresServer,
  connection: PostgresConnection,
  socket: SocketFolder,
  lock: DirectoryLock,
): EmbeddedPostgres {
  let stopped: Promise<void> | null = null;
  const stop = async (): Promise<void> => {
    await server.stop();
    socket.remove();
    lock.release();
  };
  return {
    connection,
    url: `postgresql://${USER}@localhost:${PORT}/${DATABASE}?host=${encodeURIComponent(connection.host)}&sslmode=disable`,
    stop: () => (stopped ??= stop()),
  };
}

function claim(path: string): { dataDir: string; lock: DirectoryLock } {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const dataDir = realpathSync(path);
    return { dataDir, lock: lockDirectory(dataDir, 'postgres.lock') };
  } catch (error) {
    if (error instanceof DirectoryInUseError) {
      throw new EmbeddedPostgresError(
        `DATA_DIR ${error.message}: one process at a time, or set DATABASE_URL to share a database`,
        { cause: error },
      );
    }
    const why = error instanceof Error ? error.message : String(error);
    throw new EmbeddedPostgresError(`DATA_DIR ${path} cannot be used: ${why}`, { cause: error });
  }
}

/** Made under another name and renamed when whole, so that a killed first start leaves nothing that looks like a cluster. */
async function makeCluster(programs: PostgresPrograms, durable: boolean, logPath: string): Promise<void> {
  const { clusterDir } = programs;
  const home = dirname(clusterDir);
  const draftName = `${basename(clusterDir)}.draft-`;
  await removeDrafts(home, draftName);
  const draft = mkdtempSync(join(home, draftName));
  programs.own(draft);
  const logFile = openSync(logPath, 'a', 0o600);
  const locale = ['-E', 'UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const args = [
    '-D',
    draft,
    '-U',
    USER,
    '-A',
    'trust',
    ...locale,
    '--no-instructions',
    ...(durable ? [] : ['--no-sync']),
  ];
  const initdb = programs.start('initdb', args, ['ignore', logFile, logFile]);
  closeSync(logFile);
  const succeeded = await new Promise<boolean>((resolve) => {
    initdb.once('error', () => resolve(false));
    initdb.once('exit', (code) => resolve(code === 0));
  });
  if (!succeeded) {
    throw new EmbeddedPostgresError(
      `The embedded Postgres could not make its database (${lastComplaint(logPath)}); see ${logPath}`,
    );
  }
  renameSync(draft, clusterDir);
  if (durable) syncFolder(home);
}

/** As far as possible: the initdb of a killed start may still be at work in its draft, and the next start tries again. */
async function removeDrafts(home: string, draftName: string): Promise<void> {
  const drafts = readdirSync(home).filter((entry) => entry.startsWith(draftName));
  await Promise.allSettled(drafts.map((entry) => rm(join(home, entry), { recursive: true, force: true })));
}

/** Without this a crash of the machine may undo the rename, and the next start would take the cluster for a draft. */
function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  fsyncSync(folder);
  closeSync(folder);
}

async function makeDatabase(connection: PostgresConnection): Promise<void> {
  const client = new Client({ ...connection, database: 'postgres' });
  await client.connect();
  try {
    const found = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await client.end();
  }
}

interface SocketFolder {
  readonly path: string;
  remove(): void;
}

/** The cluster's own folder, or a temporary one where its path is too long for a socket's address. */
function socketFolder(programs: PostgresPrograms): SocketFolder {
  const fits = (folder: string): boolean =>
    Buffer.byteLength(join(folder, `.s.PGSQL.${PORT}`)) <= SOCKET_PATH_BYTES_MAX;
  if (fits(programs.clusterDir)) return { path: programs.clusterDir, remove: () => undefined };
  const parent = realpathSync(tmpdir());
  const path = mkdtempSync(join(fits(join(parent, 'expunge-XXXXXX')) ? parent : '/tmp', 'expunge-'));
  programs.own(path);
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Statement texts and values stay out of Postgres' log: they are personal. Errors reach whoever caused them. */
const QUIET_LOG = [
  'log_min_messages=log',
  'log_min_error_statement=panic',
  'log_error_verbosity=terse',
  'log_checkpoints=off',
];
const SIZES = ['shared_buffers=64MB', 'max_connections=200', 'max_wal_size=1GB', 'jit=off', 'io_method=sync'];
const DURABLE = ['fsync=on', 'full_page_writes=on', 'synchronous_commit=on'];
const NOT_DURABLE = ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off'];

function serverArguments(clusterDir: string, socketDir: string, durable: boolean): string[] {
  const where = [
    'listen_addresses=',
    `unix_socket_directories="${socketDir}"`,
    'unix_socket_permissions=0700',
    `port=${PORT}`,
  ];
  const zones = ['timezone=UTC', 'log_timezone=UTC'];
  const settings = [...where, ...SIZES, ...zones, ...QUIET_LOG, ...(durable ? DURABLE : NOT_DURABLE)];
  return ['-D', clusterDir, ...settings.flatMap((setting) => ['-c', setting])];
}
