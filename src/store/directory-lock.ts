/**
 * One process per folder, with a lock that outlives `kill -9` without blocking the next start.
 *
 * Lock files are numbered and the number only grows: `NAME.7` belongs to the process written in it. Who finds its
 * holder dead takes the next number with link(2), which at most one can; a living holder's file is never removed by
 * anybody else, so that two takers of a dead lock cannot both win, whatever their timing.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const RELEASED = 'released';

/** The folder belongs to a living process. */
export class DirectoryInUseError extends Error {
  constructor(
    directory: string,
    readonly holderPid: number,
  ) {
    super(`${directory} is in use by process ${holderPid}`);
    this.name = 'DirectoryInUseError';
  }
}

export interface DirectoryLock {
  /** Gives the folder back. Safe to call twice. */
  release(): void;
}

/**
 * Takes `directory` for this process.
 * @param name what the lock files are called, before their number
 * @throws {DirectoryInUseError} when a living process has it, this one included
 */
export function lockDirectory(directory: string, name: string): DirectoryLock {
  const draft = join(directory, `${name}.draft-${randomBytes(8).toString('hex')}`);
  writeFileSync(draft, `${process.pid} ${startOf(process.pid) ?? ''}`, { mode: 0o600, flag: 'wx' });
  try {
    for (;;) {
      const top = highest(directory, name);
      const pid = livingHolder(join(directory, `${name}.${top}`));
      if (pid !== null) throw new DirectoryInUseError(directory, pid);
      const mine = top + 1;
      const path = join(directory, `${name}.${mine}`);
      if (!linked(draft, path)) continue;
      if (highest(directory, name) > mine) {
        rmSync(path, { force: true });
        continue;
      }
      for (const older of numbers(directory, name)) {
        if (older < mine) rmSync(join(directory, `${name}.${older}`), { force: true });
      }
      return { release: () => release(path) };
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Whether a process runs under this id; one that ended and only waits for its parent to notice does not. */
export function isAlive(pid: number): boolean {
  return startOf(pid) !== null;
}

/** The file stays, marked: if the number could be taken twice, a slow taker of its predecessor would win too. */
function release(path: string): void {
  const marked = `${path}.released`;
  writeFileSync(marked, RELEASED, { mode: 0o600 });
  renameSync(marked, path);
}

function linked(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

function numbers(directory: string, name: string): number[] {
  const prefix = `${name}.`;
  return readdirSync(directory)
    .filter((entry) => entry.startsWith(prefix) && /^\d+$/.test(entry.slice(prefix.length)))
    .map((entry) => Number(entry.slice(prefix.length)));
}

function highest(directory: string, name: string): number {
  return Math.max(0, ...numbers(directory, name));
}

function livingHolder(path: string): number | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return null;
  }
  const [, pid, start] = /^(\d+) (.*)$/s.exec(text) ?? [];
  if (pid === undefined) return null;
  return startOf(Number(pid)) === start ? Number(pid) : null;
}

/**
 * When a process was started, as text that no later process with the same id shares (ids come back quickly in
 * containers, and after every boot), or null where there is no such process.
 */
function startOf(pid: number): string | null {
  if (process.platform !== 'linux') return startByPs(pid);
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state] = fields;
    const startTicks = fields[19];
    if (startTicks === undefined || state === 'Z' || state === 'X') return null;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${startTicks}`;
  } catch {
    return null;
  }
}

function startByPs(pid: number): string | null {
  try {
    const line = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { LC_ALL: 'C', PATH: '/bin:/usr/bin' },
    });
    return line.trim() === '' ? null : line.trim();
  } catch {
    return null;
  }
}
