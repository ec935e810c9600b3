/** The built service as a process of its own, which can be killed. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ApiClient } from './api-client.js';
import type { Installation, Variables } from './service.js';
import { ROOT } from './source-tree.js';
import { until } from './until.js';

const START_WITHIN_MS = 30_000;
const MAIN = join(ROOT, 'dist', 'main.js');

export interface ServiceProcess {
  readonly api: ApiClient;
  readonly pid: number;
  /** Resolves when it has ended, with its exit code, null where a signal ended it. */
  readonly ended: Promise<number | null>;
  /** What it has written to stdout (its log) so far. */
  log(): string;
  /** SIGKILL: it has no last word. Resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM: it ends what it has begun. Resolves with the exit code, null where a signal ended it. */
  stop(): Promise<number | null>;
}

/**
 * Starts `dist/main.js` on an installation and waits until it is ready. `npm test` builds `dist` where it is stale; a run
 * of vitest alone takes it as it is.
 */
export async function startServiceProcess(installation: Installation, env: Variables = {}): Promise<ServiceProcess> {
  if (!existsSync(MAIN)) throw new Error('there is no dist/main.js: run npm run build first');
  const child = spawn(process.execPath, ['--enable-source-maps', MAIN], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'] ?? '', ...installation.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const killWithUs = (): boolean => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  let log = '';
  let said = '';
  let exited = false;
  child.stdout.on('data', (chunk: Buffer) => (log += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const gone = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      exited = true;
      process.off('exit', killWithUs);
      resolve(code);
    });
  });
  const url = await until(
    'the service to listen',
    () => {
      if (exited) throw new Error(`the service did not start:\n${said}\n${log}`);
      return /Listening on (\S+)/.exec(said)?.[1];
    },
    { withinMs: START_WITHIN_MS, state: () => Promise.resolve({ said, log }) },
  );
  const { pid } = child;
  if (pid === undefined) throw new Error('the service has no process id');
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    return gone;
  };
  return {
    api: installation.client(url),
    pid,
    ended: gone,
    log: () => log,
    kill: async () => void (await end('SIGKILL')),
    stop: () => end('SIGTERM'),
  };
}
