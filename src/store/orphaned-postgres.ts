/**
 * What a killed process may leave behind: a Postgres that still runs over our cluster, or a postmaster.pid whose
 * process id by now belongs to somebody else. Called by the holder of the data folder's lock only, so that every
 * Postgres found there is an orphan.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isAlive } from './directory-lock.js';
import { EmbeddedPostgresError } from './postgres-programs.js';

const POLL_MS = 50;
const FAST_STOP_MS = 30_000;
const IMMEDIATE_STOP_MS = 30_000;

/**
 * Ends the Postgres that still runs over `clusterDir`, if there is one, and waits for its end; clears the way where
 * postmaster.pid names a living process that is no Postgres of ours. A file that names a dead one is Postgres' own
 * affair: it also checks that no backend outlived the postmaster.
 * @throws {EmbeddedPostgresError} when the orphan does not end
 */
export async function endOrphan(clusterDir: string, log: (line: string) => void): Promise<void> {
  const pidFile = join(clusterDir, 'postmaster.pid');
  const lines = existsSync(pidFile) ? readFileSync(pidFile, 'utf8').split('\n') : [];
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 1 || !isAlive(pid)) return;
  if (!runsOver(pid, clusterDir)) {
    // Postgres takes its parent's id for stale and goes on to its other checks; to remove the file would skip them.
    writeFileSync(pidFile, [process.pid, ...lines.slice(1)].join('\n'));
    return;
  }
  log('an embedded Postgres left by a killed process is still running: ending it');
  if (await ended(pid, clusterDir, 'SIGINT', FAST_STOP_MS)) return;
  if (await ended(pid, clusterDir, 'SIGQUIT', IMMEDIATE_STOP_MS)) return;
  throw new EmbeddedPostgresError(
    `Process ${pid}, a Postgres over ${clusterDir} left by a killed process, does not end: end it by hand`,
  );
}

async function ended(
  pid: number,
  clusterDir: string,
  signal: 'SIGINT' | 'SIGQUIT',
  withinMs: number,
): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  if (runsOver(pid, clusterDir)) process.kill(pid, signal);
  while (isAlive(pid) && runsOver(pid, clusterDir)) {
    if (performance.now() > deadline) return false;
    await pause(POLL_MS);
  }
  return true;
}

/** Whether the process is a Postgres started with `-D clusterDir`, by its command line: ids are used again. */
function runsOver(pid: number, clusterDir: string): boolean {
  try {
    if (process.platform === 'linux') {
      const [program = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return basename(program) === 'postgres' && args[args.indexOf('-D') + 1] === clusterDir;
    }
    const line = execFileSync('ps', ['-o', 'command=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { PATH: '/bin:/usr/bin' },
    });
    return line.includes('postgres -D ') && line.includes(` -D ${clusterDir} `);
  } catch {
    return false;
  }
}
