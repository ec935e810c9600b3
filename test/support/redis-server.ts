import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A private Redis of one test file. `url` goes into `REDIS_URL`; `dir` holds its append-only file. */
export interface PrivateRedis {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly dir: string;
  /** Kills the server as a power cut would, and keeps its files for `startRedis(at)`. */
  kill(): Promise<void>;
  /** Stops the server and removes its files. Safe to call twice, and after `kill`. */
  stop(): Promise<void>;
}

const START_DEADLINE_MS = 15_000;
const PORT_TRIES = 5;
/** Why what needs Redis did not run. */
export const REDIS_ABSENT = 'there is no redis-server on PATH';

/** Whether `redis-server` is found on PATH. */
export function redisAvailable(): boolean {
  return spawnSync('redis-server', ['--version']).status === 0;
}

/**
 * Starts a `redis-server` of our own on a free loopback port, as a queue needs it: it keeps every key (`noeviction`)
 * and writes an append-only file. With `at`, an earlier one that was killed comes back on its port with its files.
 */
export async function startRedis(at?: Pick<PrivateRedis, 'port' | 'dir'>): Promise<PrivateRedis> {
  if (at !== undefined) return launch(at.dir, at.port);
  const dir = mkdtempSync(join(tmpdir(), 'expunge-redis-'));
  for (let tried = 1; ; tried += 1) {
    try {
      return await launch(dir, await freePort());
    } catch (error) {
      // Somebody else may have taken the port between our look and Redis's bind.
      if (tried === PORT_TRIES) throw error;
    }
  }
}

async function launch(dir: string, port: number): Promise<PrivateRedis> {
  const settings = ['--bind', '127.0.0.1', '--port', String(port), '--dir', dir, '--daemonize', 'no', '--save', ''];
  const durable = ['--appendonly', 'yes', '--appendfsync', 'everysec', '--maxmemory-policy', 'noeviction'];
  const server = spawn('redis-server', [...settings, ...durable], { stdio: ['ignore', 'pipe', 'pipe'] });
  const gone = new Promise<void>((resolve) => {
    server.once('error', () => resolve());
    server.once('exit', () => resolve());
  });
  const killWithUs = (): boolean => server.kill('SIGKILL');
  process.once('exit', killWithUs);
  void gone.then(() => process.off('exit', killWithUs));

  let log = '';
  await new Promise<void>((resolve, reject) => {
    const deadline = setTimeout(() => {
      server.kill('SIGKILL');
      reject(new Error(`redis-server was not ready within ${START_DEADLINE_MS} ms:\n${log}`));
    }, START_DEADLINE_MS);
    const read = (chunk: Buffer): void => {
      log += chunk.toString();
      if (!log.includes('Ready to accept connections')) return;
      clearTimeout(deadline);
      resolve();
    };
    server.stdout.on('data', read);
    server.stderr.on('data', read);
    void gone.then(() => {
      clearTimeout(deadline);
      reject(new Error(`redis-server did not start:\n${log}`));
    });
  });
  const { pid } = server;
  if (pid === undefined) throw new Error('redis-server has no process id');

  async function end(signal: NodeJS.Signals): Promise<void> {
    server.kill(signal);
    await gone;
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    pid,
    dir,
    kill: () => end('SIGKILL'),
    stop: async () => {
      await end('SIGTERM');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        address === null || typeof address === 'string' ? reject(new Error('no port')) : resolve(address.port),
      );
    });
  });
}
