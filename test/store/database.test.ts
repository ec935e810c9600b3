import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Database, isUnavailable, sqlState } from '../../src/store/database.js';
import type { Statement } from '../../src/store/database.js';
import { startEmbeddedPostgres } from '../../src/store/embedded-postgres.js';
import { testDatabase } from '../support/postgres.js';
import type { TestDatabase } from '../support/postgres.js';

const failing = (code: string): Statement => ({
  name: `fail-${code}`,
  text: `do $$ begin raise exception 'made to fail' using errcode = '${code}'; end $$`,
});
const INSERT: Statement = { name: 'insert', text: 'insert into seen (no) values ($1)' };
const ADD: Statement = { name: 'add', text: 'update seen set sum = sum + 1 where no = $1' };
const caught = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

describe('a transaction', () => {
  let postgres: TestDatabase;
  let database: Database;
  beforeEach(async () => {
    postgres = await testDatabase();
    postgres.pool.on('error', () => undefined);
    database = new Database(postgres.pool);
    await postgres.pool.query('create table seen (no integer primary key, sum integer not null default 0)');
  });
  afterEach(async () => {
    await database.prisma.$disconnect();
    await postgres.close();
  });
  const seen = async () => (await postgres.pool.query<{ no: number; sum: number }>('table seen order by no')).rows;

  it.each(['40001', '40P01'])('is tried again from its beginning at most 3 times after %s', async (code) => {
    let tries = 0;
    const failure = await caught(
      database.transaction(async (tx) => {
        tries += 1;
        await tx.run(INSERT, [tries]);
        await tx.run(failing(code));
      }),
    );
    expect([sqlState(failure), tries]).toEqual([code, 4]);
    expect(await seen()).toEqual([]);
    expect(isUnavailable(failure)).toBe(true);
  });

  it('says what failed first of statements that were given together, not what followed from it', async () => {
    const failure = await caught(
      database.transaction(async (tx) => {
        const deep = async (statement: Statement, layers: number): Promise<unknown> =>
          layers === 0 ? tx.run(statement) : deep(statement, layers - 1);
        const given = Promise.all([deep(failing('53100'), 9), tx.run(ADD, [1]), tx.run(ADD, [2])]);
        // So that all answers are read in one turn.
        for (const endMs = performance.now() + 50; performance.now() < endMs;);
        await given;
      }),
    );
    expect([sqlState(failure), isUnavailable(failure)]).toEqual(['53100', true]);
  });

  it('ends no process by a failure that nobody listens to yet', async () => {
    const unheard: unknown[] = [];
    const hear = (reason: unknown) => unheard.push(reason);
    process.on('unhandledRejection', hear);
    const failure = await caught(
      database.transaction(async (tx) => {
        const given = [tx.run(failing('23505')), tx.run(ADD, [1])];
        await pause(50);
        await Promise.all(given);
      }),
    );
    await pause(10);
    process.off('unhandledRejection', hear);
    expect([sqlState(failure), unheard]).toEqual(['23505', []]);
  });

  it('is not taken for done where a failure was let pass', async () => {
    const failure = await caught(
      database.transaction(async (tx) => {
        await tx.run(INSERT, [1]);
        await caught(tx.run(failing('23505')));
      }),
    );
    expect([sqlState(failure), await seen()]).toEqual(['23505', []]);
  });

  it('takes no statement that comes after its end', async () => {
    let late: Promise<unknown> = Promise.resolve();
    await database.transaction(async (tx) => {
      await tx.run(INSERT, [1]);
      late = pause(50).then(() => caught(tx.run(INSERT, [2])));
    });
    expect(await late).toMatchObject({ message: 'insert came after its transaction had ended' });
    expect(await seen()).toEqual([{ no: 1, sum: 0 }]);
  });

  it('leaves only what its last try did', async () => {
    let tries = 0;
    const result = await database.transaction(async (tx) => {
      tries += 1;
      await tx.run(INSERT, [tries]);
      if (tries <= 3) await tx.run(failing('40001'));
      return `try ${tries}`;
    });
    expect(result).toBe('try 4');
    expect(await seen()).toEqual([{ no: 4, sum: 0 }]);
  });

  it('is not tried again after any other failure, and leaves nothing', async () => {
    for (const code of ['23505', '55P03', '42P01', '22001']) {
      let tries = 0;
      const failure = await caught(
        database.transaction(async (tx) => {
          tries += 1;
          await tx.run(INSERT, [1]);
          await tx.run(failing(code));
        }),
      );
      expect([sqlState(failure), tries, isUnavailable(failure)]).toEqual([code, 1, false]);
    }
    const ours = await caught(
      database.transaction(async (tx) => {
        await tx.run(INSERT, [1]);
        throw new TypeError('a bug');
      }),
    );
    expect(ours).toBeInstanceOf(TypeError);
    expect(await seen()).toEqual([]);
  });

  it('survives a real deadlock: both sides are done in the end', async () => {
    await postgres.pool.query('insert into seen (no) values (1), (2)');
    const waiting: (() => void)[] = [];
    const meet = () =>
      new Promise<void>((resolve) => {
        waiting.push(resolve);
        if (waiting.length === 2) for (const go of waiting) go();
      });
    const add = (first: number, second: number) => {
      let tries = 0;
      return database.transaction(async (tx) => {
        tries += 1;
        await tx.run(ADD, [first]);
        if (tries === 1) await meet();
        await tx.run(ADD, [second]);
      });
    };
    await Promise.all([add(1, 2), add(2, 1)]);
    expect(await seen()).toEqual([
      { no: 1, sum: 2 },
      { no: 2, sum: 2 },
    ]);
  });

  it('gives its connection back, whole or replaced, also when it was cut off', async () => {
    const cut = await caught(
      database.transaction(async (tx) => {
        await tx.run({ name: 'end-me', text: 'select pg_terminate_backend(pg_backend_pid())' });
      }),
    );
    expect(isUnavailable(cut)).toBe(true);
    for (let turn = 0; turn < 25; turn += 1) {
      await caught(database.transaction((tx) => tx.run(failing('22001'))));
    }
    expect(await database.transaction((tx) => tx.run(INSERT, [9]))).toBe(1);
    expect(postgres.pool.waitingCount).toBe(0);
  });
});

describe('a database that is away', () => {
  it('is told from a statement that is wrong, whether it was never there or was stopped', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'expunge-away-'));
    const server = await startEmbeddedPostgres({ dataDir, durable: false, log: () => undefined });
    const database = Database.open(server.url, 2, () => undefined);
    try {
      await database.ping();
      expect(isUnavailable(await caught(database.rows({ name: 'wrong', text: 'select nothing_there' })))).toBe(false);
      await server.stop();
      expect(isUnavailable(await caught(database.ping()))).toBe(true);
      expect(isUnavailable(await caught(database.transaction((tx) => tx.run(INSERT, [1]))))).toBe(true);
      expect(isUnavailable(await caught(database.prisma.apiKey.count()))).toBe(true);
    } finally {
      await database.close();
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    }
    const nowhere = Database.open('postgresql://nobody@127.0.0.1:1/none?sslmode=disable', 1, () => undefined);
    expect(isUnavailable(await caught(nowhere.ping()))).toBe(true);
    await nowhere.close();
  });

  it('is not seen in what is no failure of a database', () => {
    for (const other of [new Error('connection'), new TypeError('x'), null, undefined, 'text', { code: 7 }]) {
      expect(isUnavailable(other)).toBe(false);
    }
  });
});
