/** The service as processes: started, killed, stopped and slowed, with all that they said and how each of them ended. */
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { until } from '../support/until.js';
import { FAILPOINT_LINE } from './preload/disturbance.js';
import type { Disturbance } from './preload/disturbance.js';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, '..', '..', '..');
const START_WITHIN_MS = 60_000;
const EXIT_WITHIN_MS = 45_000;

export type Role = 'api' | 'worker' | 'all';

export interface StartOptions {
  readonly disturbance?: Disturbance;
  readonly env?: Readonly<Record<string, string>>;
  /** Megabytes of heap. */
  readonly heapMb?: number;
}

export class ServiceProcess {
  readonly log: string[] = [];
  url: string | null = null;
  /** When it was ready; null while it is not. */
  readyMs: number | null = null;
  /** How it ended; null while it runs. */
  end: { readonly code: number | null; readonly signal: string | null; readonly atMs: number } | null = null;
  /** An end that nobody here caused is a crash of its own. */
  endExpected = false;
  private readonly child: ChildProcess;

  constructor(
    readonly name: string,
    readonly role: Role,
    env: Readonly<Record<string, string>>,
    readonly options: StartOptions,
  ) {
    const { disturbance, heapMb = 320 } = options;
    const preload = new URL('./preload/main.js', import.meta.url);
    preload.searchParams.set('disturbance', JSON.stringify(disturbance));
    const args = disturbance === undefined ? [] : ['--import', preload.href];
    this.child = spawn(process.execPath, [...args, `--max-old-space-size=${heapMb}`, join(ROOT, 'dist', 'main.js')], {
      cwd: ROOT,
      env: { PATH: process.env['PATH'] ?? '', ...env, ROLE: role, PORT: '0', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const killWithUs = (): boolean => this.child.kill('SIGKILL');
    process.once('exit', killWithUs);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.heard(line));
    }
    this.child.once('exit', (code, signal) => {
      this.end = { code, signal, atMs: Date.now() };
      process.off('exit', killWithUs);
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get runs(): boolean {
    return this.end === null;
  }

  /** The failpoint at which it died, or null. */
  get diedAt(): string | null {
    const line = this.log.find((text) => text.startsWith(FAILPOINT_LINE));
    return line === undefined ? null : line.slice(FAILPOINT_LINE.length);
  }

  /** True once it is ready; false when it ended before. */
  ready(): Promise<boolean> {
    return until(
      `${this.name} to be ready`,
      () => {
        if (this.url !== null) return true;
        return this.end === null ? undefined : false;
      },
      { withinMs: START_WITHIN_MS, state: () => Promise.resolve(this.log.slice(-5)) },
    );
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.endExpected = true;
    this.child.kill('SIGKILL');
    await this.gone();
  }

  /** SIGTERM: how long it took to end, in ms. */
  async stop(): Promise<number> {
    this.endExpected = true;
    const beganMs = performance.now();
    this.child.kill('SIGTERM');
    await this.gone();
    return performance.now() - beganMs;
  }

  gone(withinMs = EXIT_WITHIN_MS): Promise<true> {
    return until(`${this.name} to end`, () => (this.end === null ? undefined : true), {
      withinMs,
      state: () => Promise.resolve(this.log.slice(-5)),
    });
  }

  private heard(line: string): void {
    if (line === '') return;
    this.log.push(line);
    if (this.url !== null || !line.includes('"ready"')) return;
    const said: unknown = JSON.parse(line);
    if (typeof said === 'object' && said !== null && 'url' in said) {
      this.url = String(said.url);
      this.readyMs = Date.now();
    }
  }
}

/** A command beside the service (`dist/cli.js`), to its end: how it ended, and the last line of what it said. */
export function runProgram(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ readonly code: number | null; readonly said: string }> {
  return new Promise((resolve) => {
    const options = { cwd: ROOT, env: { PATH: process.env['PATH'] ?? '', ...env } };
    const child = execFile(process.execPath, [join(ROOT, 'dist', 'cli.js'), ...args], options, (_, stdout, stderr) => {
      resolve({ code: child.exitCode, said: `${stdout}${stderr}`.trimEnd().split('\n').at(-1) ?? '' });
    });
  });
}
