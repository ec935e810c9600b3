/** The postmaster as a child process: started until it answers, started again when it dies, stopped in order. */
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import type { ClientConfig } from 'pg';
import { EmbeddedPostgresError } from './postgres-programs.js';
import type { PostgresPrograms } from './postgres-programs.js';

/** Generous, for the recovery after a crash under load; a postmaster that gives up ends the wait at once. */
const READY_WITHIN_MS = 300_000;
const POLL_MS = 20;
const RESTART_PAUSE_MS = 1_000;
/** How long a start is repeated while backends of a killed postmaster are still ending. */
const LEFTOVERS_WITHIN_MS = 10_000;
const FAST_STOP_MS = 30_000;

export class PostgresServer {
  private child: ChildProcess | null = null;
  private stopping = false;

  /**
   * @param args the postmaster's
   * @param probe a connection that tells whether it answers
   * @param logPath where its output goes, appended
   */
  constructor(
    private readonly programs: PostgresPrograms,
    private readonly args: readonly string[],
    private readonly probe: ClientConfig,
    private readonly logPath: string,
    private readonly log: (line: string) => void,
  ) {}

  /**
   * Returns once the server answers; from then on it is started again whenever it dies.
   * @throws {EmbeddedPostgresError} with the server's own last complaint
   */
  async start(): Promise<void> {
    const deadline = performance.now() + LEFTOVERS_WITHIN_MS;
    for (;;) {
      const child = await this.attempt();
      if (child !== null) return this.keepAlive(child);
      const complaint = lastComplaint(this.logPath);
      if (!/still in use|lock file/.test(complaint) || performance.now() > deadline) {
        throw new EmbeddedPostgresError(`The embedded Postgres does not start (${complaint}); see ${this.logPath}`);
      }
      await pause(RESTART_PAUSE_MS / 4);
    }
  }

  /** Ends the server: open transactions are rolled back, clients cut off. Returns when its process is gone. */
  async stop(): Promise<void> {
    this.stopping = true;
    const { child } = this;
    if (child === null || hasEnded(child)) return;
    child.ref();
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGINT');
    const harder = setTimeout(() => child.kill('SIGQUIT'), FAST_STOP_MS);
    await gone;
    clearTimeout(harder);
  }

  /** One start: the child once it answers, or null when it ended first. */
  private async attempt(): Promise<ChildProcess | null> {
    const logFile = openSync(this.logPath, 'a', 0o600);
    const child = this.programs.start('postgres', this.args, ['ignore', logFile, logFile]);
    closeSync(logFile);
    this.child = child;
    let failed = false;
    child.once('error', () => (failed = true));
    // A forgotten stop() must not keep the process from ending: Postgres ends with it.
    child.unref();
    const deadline = performance.now() + READY_WITHIN_MS;
    while (!failed && !hasEnded(child)) {
      if (await this.answers()) return child;
      if (performance.now() > deadline) {
        await this.stop();
        return null;
      }
      await pause(POLL_MS);
    }
    return null;
  }

  private keepAlive(child: ChildProcess): void {
    const again = (): void => void this.restart();
    if (hasEnded(child)) again();
    else child.once('exit', again);
  }

  private async restart(): Promise<void> {
    while (!this.stopping) {
      this.log('the embedded Postgres has died: starting it again');
      await pause(RESTART_PAUSE_MS);
      if (this.stopping) return;
      const child = await this.attempt().catch(() => null);
      if (child !== null) return this.keepAlive(child);
    }
  }

  private async answers(): Promise<boolean> {
    const client = new Client({ ...this.probe, connectionTimeoutMillis: READY_WITHIN_MS });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.end();
      return true;
    } catch {
      return false;
    }
  }
}

/** The last line in Postgres' log that says what is wrong, without its time and process. */
export function lastComplaint(logPath: string): string {
  const lines = readFileSync(logPath, 'utf8').trimEnd().split('\n').slice(-50);
  const line = lines.findLast((text) => /FATAL|PANIC|error|could not/i.test(text)) ?? lines.at(-1) ?? '';
  return line.replace(/^[-\d]+ [:.\d]+ UTC \[\d+\] /, '').trim();
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
