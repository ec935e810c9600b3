/** Child processes of a bench: the service, the sandbox and plain scripts, each by itself so that none shares a core's time. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** What Linux counts in, on every machine that Node runs on. */
const TICKS_A_SECOND = 100;

export interface Running {
  readonly process: ChildProcess;
  /** What the process printed first: one line. */
  readonly firstLine: string;
  stop(): Promise<void>;
}

/** Starts a script of ours and waits for a line that `ready` accepts. */
export async function startScript(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  ready: (line: string) => boolean,
): Promise<Running> {
  // As `npm start` does it.
  const heap = file === 'dist/main.js' ? ['--max-old-space-size=320'] : [];
  const child = spawn(process.execPath, ['--enable-source-maps', ...heap, file, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    if (!ready(line)) continue;
    lines.on('line', () => undefined);
    child.stdout.resume();
    return {
      process: child,
      firstLine: line,
      stop: async () => {
        if (child.exitCode !== null) return;
        child.kill('SIGTERM');
        await once(child, 'exit');
      },
    };
  }
  throw new Error(`${file} ended before it was ready`);
}

/** The environment of a service that takes requests in and sends nothing, on a database of the bench's. */
export function apiEnvironment(dataDir: string, databaseUrl: string, apiKey: string): Record<string, string> {
  const { privateKey } = generateKeyPairSync('ed25519');
  return {
    ROLE: 'api',
    DATA_DIR: dataDir,
    DATABASE_URL: databaseUrl,
    DATA_KEY: randomBytes(32).toString('base64'),
    LEDGER_SIGNING_KEY: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    BOOTSTRAP_API_KEY: apiKey,
    PORT: '0',
    SUPERMEMORY_API_URL: 'http://127.0.0.1:9',
    SUPERMEMORY_API_KEY: 'sm_sandbox_key',
  };
}

/** Resident memory of a process now, in MiB. */
export function residentMebibytes(pid: number): number {
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return match ? Number(match[1]) / 1024 : Number.NaN;
}

/** Peak resident memory of a process in MiB, as the kernel counted it. */
export function peakMebibytes(pid: number): number {
  const match = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return match ? Number(match[1]) / 1024 : Number.NaN;
}

/** Time that a process has had on a core so far, its own and the kernel's for it, in milliseconds. */
export function coreMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return (ticks * 1000) / TICKS_A_SECOND;
}
