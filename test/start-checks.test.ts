/** What stops a start, with one line that names the variable behind it, and what does not. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { judgeRedis } from '../src/queue/redis-state.js';
import { Database } from '../src/store/database.js';
import { clockOffset } from '../src/store/server-facts.js';
import { startRedis } from './support/redis-server.js';
import type { PrivateRedis } from './support/redis-server.js';
import { describeRedis } from './support/redis.js';
import { openInstallation } from './support/service.js';
import type { Installation, TestService, Variables } from './support/service.js';
import { ROOT } from './support/source-tree.js';
import { until } from './support/until.js';

let open: Installation;
beforeEach(async () => {
  open = await openInstallation();
});
afterEach(async () => open.close());

async function refusal(env: Variables): Promise<string> {
  return open.start({ env }).then(
    () => 'started',
    (error: unknown) => (error instanceof Error ? error.message : 'no error'),
  );
}

const databaseName = (): string => new URL(open.database.url).pathname.slice(1);

async function checks(service: TestService): Promise<Record<string, string>> {
  const answer = await service.api.expect<{ checks: Record<string, string> }>(200, 'GET', '/readyz');
  return answer.checks;
}

describe('a start is refused', () => {
  it('in one line on stderr and with exit code 1, when the clocks are a minute apart', () => {
    for (const [ms, way] of [
      [60_000, 'ahead of'],
      [-60_000, 'behind'],
    ] as const) {
      const preload = `const now = Date.now; Date.now = () => now() + ${ms};`;
      const run = spawnSync(process.execPath, ['dist/main.js'], {
        cwd: ROOT,
        encoding: 'utf8',
        env: {
          PATH: process.env['PATH'] ?? '',
          ...open.env,
          NODE_OPTIONS: `--import "data:text/javascript,${encodeURIComponent(preload)}"`,
        },
      });
      expect(run.status).toBe(1);
      expect(run.stderr).toMatch(
        new RegExp(
          `^expunge: CLOCK_OFFSET_MAX_MS is 2000, and this machine's clock is (59|60)\\d{3} ms ${way} the database's: set both by NTP\\n$`,
        ),
      );
    }
  });

  it('when the database does not answer, without a word of who was asked', async () => {
    const said = await refusal({ DATABASE_URL: 'postgresql://somebody:secret@127.0.0.1:1/none?sslmode=disable' });
    expect(said).toBe('DATABASE_URL names a database that cannot be used (ECONNREFUSED)');
  });

  it('when the database takes no writes', async () => {
    await open.sql(`alter database ${databaseName()} set default_transaction_read_only = on`);
    expect(await refusal({})).toBe('DATABASE_URL names a database that takes no writes');
  });

  it('when the server would lose commits in a power cut, in production', async () => {
    expect(await refusal({ NODE_ENV: 'production' })).toBe(
      'DATABASE_URL names a server with fsync and full_page_writes off: a power cut may lose what it has committed',
    );
    const service = await open.start();
    expect(service.logged.join('\n')).toContain('would lose commits in a power cut');
  });

  it('when the database is newer than this version', async () => {
    await open.sql(`insert into _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)
      values ('x', 'x', '9999_of_tomorrow', now(), 1)`);
    expect(await refusal({})).toMatch(/^The database is ahead of this version: it has the migration 9999_of_tomorrow/);
  });

  it('when DATA_DIR cannot be written to, for the embedded database and for the key', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'expunge-data-'));
    try {
      await writeFile(join(folder, 'file'), '');
      const DATA_DIR = join(folder, 'file', 'data');
      for (const env of [
        { DATA_DIR, DATABASE_URL: '' },
        { DATA_DIR, DATA_KEY: '' },
      ]) {
        const said = await refusal(env);
        expect(said).toContain(DATA_DIR);
        expect(said).toMatch(/^DATA_DIR:? .* cannot be (used|read): ENOTDIR/);
        expect(said).not.toContain('\n');
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('when DATA_DIR is lost and the database is kept: nothing is made in its place, nothing is overwritten', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'expunge-data-'));
    const env = { DATA_DIR: join(folder, 'data'), DATA_KEY: '' };
    try {
      const first = await open.start({ env });
      const { id } = await first.api.submit({ targets: [{ system: 'supermemory.documents', ids: ['m1'] }] });
      await first.stop();
      const key = await readFile(join(env.DATA_DIR, 'data.key'));
      const kept = await open.sql('select * from installation');
      await rm(env.DATA_DIR, { recursive: true });

      expect(await refusal(env)).toMatch(/^DATA_KEY is not set, and there is no .*data\.key/);
      expect(existsSync(env.DATA_DIR)).toBe(false);
      expect(await refusal({ DATA_KEY: Buffer.alloc(32, 1).toString('base64') })).toMatch(
        /^DATA_KEY does not open this database/,
      );
      expect(await open.sql('select * from installation')).toEqual(kept);

      const again = await open.start({ env: { DATA_KEY: key.toString().trim() } });
      expect((await again.api.settled(id)).subject).toEqual({ ref: 'user_42' });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('a commit', () => {
  it('is on the disk when it is answered, whatever the database is set to', async () => {
    await open.sql(`alter database ${databaseName()} set synchronous_commit = off`);
    const database = Database.open(open.database.url, 1, () => undefined);
    const rows = await database.rows({ name: 'show', text: "select current_setting('synchronous_commit') as is" });
    await database.close();
    expect(rows).toEqual([{ is: 'on' }]);
  });
});

describe('the offset of two clocks', () => {
  it('is what they differ by, less all that the way there and back may have taken', async () => {
    const way = fc.nat({ max: 5_000 });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: -100_000, max: 100_000 }),
        fc.array(fc.tuple(way, way), { minLength: 3, maxLength: 3 }),
        async (offsetMs, ways) => {
          let nowMs = 1_000_000;
          let look = 0;
          const rows = () => {
            const [there, back] = ways[look++] ?? [0, 0];
            const row = { nowMs: nowMs + there + offsetMs };
            nowMs += there + back;
            return Promise.resolve([row]);
          };
          const found = await clockOffset({ rows: rows as Database['rows'] }, () => nowMs);
          const least = Math.min(...ways.map(([there, back]) => there + back));
          expect(Math.abs(found)).toBeLessThanOrEqual(Math.abs(offsetMs));
          expect(Math.abs(found)).toBeGreaterThanOrEqual(Math.abs(offsetMs) - least);
          if (found !== 0) expect(Math.sign(found)).toBe(Math.sign(offsetMs));
        },
      ),
    );
  });
});

describe('a Redis', () => {
  it('is fit from version 6.2 on, where it evicts nothing', () => {
    const info = (version: string, policy: string) =>
      `# Server\r\nredis_version:${version}\r\n# Memory\r\nmaxmemory_policy:${policy}\r\n`;
    for (const version of ['6.2.0', '6.2.14', '7.0.15', '8.2.1', '10.0.0'])
      expect(judgeRedis(info(version, 'noeviction'))).toEqual({ kind: 'fine' });
    for (const version of ['6.0.16', '5.0.7', '2.8', ''])
      expect(judgeRedis(info(version, 'noeviction'))).toMatchObject({ kind: 'wrong' });
    for (const policy of ['allkeys-lru', 'volatile-ttl', ''])
      expect(judgeRedis(info('7.0.15', policy))).toMatchObject({ kind: 'wrong' });
  });
});

describeRedis('a start with Redis', () => {
  let redis: PrivateRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(async () => redis.stop());

  async function configure(setting: string, value: string): Promise<void> {
    const client = new Redis(redis.port, '127.0.0.1');
    await client.config('SET', setting, value);
    client.disconnect();
  }

  it('is refused where it may evict jobs', async () => {
    await configure('maxmemory-policy', 'allkeys-lru');
    expect(await refusal({ REDIS_URL: redis.url })).toBe(
      'REDIS_URL names a Redis whose maxmemory-policy is allkeys-lru: it must be noeviction, since a queue that evicts loses jobs',
    );
    await configure('maxmemory-policy', 'noeviction');
  });

  it('is refused where it does not let us in', async () => {
    await configure('requirepass', 'sesame');
    expect(await refusal({ REDIS_URL: redis.url })).toBe('REDIS_URL names a Redis that lets nobody in (NOAUTH)');
    const wrong = `redis://:guessed@127.0.0.1:${redis.port}`;
    expect(await refusal({ REDIS_URL: wrong })).toBe('REDIS_URL names a Redis that lets nobody in (WRONGPASS)');
    const service = await open.start({ env: { REDIS_URL: `redis://:sesame@127.0.0.1:${redis.port}` } });
    expect(await checks(service)).toMatchObject({ queue: 'up' });
    await service.stop();
    const client = new Redis(redis.port, '127.0.0.1', { password: 'sesame' });
    await client.config('SET', 'requirepass', '');
    client.disconnect();
  });

  it('goes on without it where it is away, says so, and says loudly when it comes back unfit', async () => {
    await redis.kill();
    const service = await open.start({ env: { REDIS_URL: redis.url } });
    expect(service.logged.join('\n')).toContain('Redis is away: starting degraded');
    expect(await checks(service)).toMatchObject({ database: 'up', queue: 'degraded' });
    const request = await service.api.erase([{ system: 'supermemory.documents', ids: ['m1'] }]);
    expect(request.status).toBe('completed');

    redis = await startRedis(redis);
    await configure('maxmemory-policy', 'allkeys-lru');
    await until('the log to say so', () =>
      service.logged.some((line) => line.includes('maxmemory-policy is allkeys-lru')) ? true : undefined,
    );
    expect(await checks(service)).toMatchObject({ queue: 'degraded' });
    await configure('maxmemory-policy', 'noeviction');
    await until('the queue to be up', async () => ((await checks(service))['queue'] === 'up' ? true : undefined));
  });
});
