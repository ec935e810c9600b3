/** The way to Postgres: one pool, Prisma over it for what reads well, and transactions for everything that writes. */
import { setTimeout as pause } from 'node:timers/promises';
import { PrismaPg } from '@prisma/adapter-pg';
import { Pool } from 'pg';
import type { PoolClient, QueryResultRow } from 'pg';
import { PrismaClient } from './generated/client.js';

/** One SQL statement of a file named by its verb; `name` lets the server keep its plan. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/**
 * An open transaction. Statements that do not wait for each other's results may be given together (`Promise.all`): they are
 * sent at once and done in the order in which they were given, each seeing what those before it did.
 */
export interface Transaction {
  /** Runs a statement and gives its rows. `R` is what the statement is written to return. */
  rows<R extends QueryResultRow>(statement: Statement, values?: readonly unknown[]): Promise<R[]>;
  /** Runs a statement and gives how many rows it touched. */
  run(statement: Statement, values?: readonly unknown[]): Promise<number>;
}

const SERIALIZATION_FAILURE = '40001';
const DEADLOCK = '40P01';
/** Said of every statement after the one that failed. */
const FOLLOWS_A_FAILURE = '25P02';
const RETRIES_MAX = 3;
/**
 * The tables of the work grow from nothing to many thousands of rows between two looks of the statistics collector: a
 * plan made for the empty table, which reads all of it, must not be kept for the full one. Every hot statement has an
 * index to go by.
 */
const PLANNER_OPTIONS = '-c enable_seqscan=off -c jit=off -c plan_cache_mode=force_generic_plan';
/** A host that vanishes in the middle of a transaction must not hold its locks until the network gives it up. */
const VANISHED_OPTIONS =
  '-c idle_in_transaction_session_timeout=15000 -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3';
/** What was answered with 202, and every attempt, is on the disk: whatever the server, the role or the database is set to. */
const DURABLE_OPTIONS = '-c synchronous_commit=on';
const KEEP_ALIVE_DELAY_MS = 10_000;
/**
 * A statement that is under way when the network goes is resent for a quarter of an hour before anybody is told: no
 * statement of the work takes as long as this.
 */
const ANSWER_WITHIN_MS = 25_000;
/** What a goodbye to the server may take: one that is gone does not say it back. */
const CLOSE_WITHIN_MS = 3_000;

export class Database {
  readonly prisma: PrismaClient;

  constructor(readonly pool: Pool) {
    this.prisma = new PrismaClient({ adapter: new PrismaPg(pool, { disposeExternalPool: false }) });
  }

  /**
   * Opens a pool. `connectionString` is a postgresql:// URL, `connectionsMax` how many connections it may hold. A lost
   * idle connection is reported through `onIdleError` and replaced when next needed. A statement without an answer for
   * `answerWithinMs` fails, and its connection is given up; null for no limit.
   */
  static open(
    connectionString: string,
    connectionsMax: number,
    onIdleError: (error: Error) => void,
    answerWithinMs: number | null = ANSWER_WITHIN_MS,
  ): Database {
    const options = `${DURABLE_OPTIONS} ${PLANNER_OPTIONS} ${VANISHED_OPTIONS}`;
    const manners = { answerWithinMs, pipeline: true };
    return new Database(openPool(connectionString, connectionsMax, options, onIdleError, manners));
  }

  /**
   * Runs `work` in one READ COMMITTED transaction. Serialization failures and deadlocks are retried at most 3 times
   * from the beginning, so `work` must have no effect but through its transaction. Every transaction locks requests
   * before items, each by id.
   */
  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.once(work);
      } catch (error) {
        const code = sqlState(error);
        if ((code !== SERIALIZATION_FAILURE && code !== DEADLOCK) || tries > RETRIES_MAX) throw error;
      }
    }
  }

  /** One statement, in a transaction of its own. */
  async rows<R extends QueryResultRow>(statement: Statement, values: readonly unknown[] = []): Promise<R[]> {
    return (await this.pool.query<R>({ ...statement, values: [...values] })).rows;
  }

  /** Throws when the database does not answer. */
  async ping(): Promise<void> {
    await this.pool.query('select 1');
  }

  async close(): Promise<void> {
    await this.prisma.$disconnect();
    await closePool(this.pool);
  }

  private async once<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    let broken: Error | undefined;
    const course: Course = { over: false, firstError: null };
    // A connection lost between two statements says so here, and nowhere else.
    const onLost = (error: Error): unknown => (broken = error);
    client.on('error', onLost);
    try {
      await client.query('begin');
      const result = await work(transactionOn(client, course));
      course.over = true;
      const { command } = await client.query('commit');
      // Of a transaction in which a failure was let pass, COMMIT makes a rollback.
      if (command !== 'COMMIT') throw course.firstError ?? new Error('the transaction was rolled back');
      return result;
    } catch (caught) {
      course.over = true;
      const error = sqlState(caught) === FOLLOWS_A_FAILURE ? (course.firstError ?? caught) : caught;
      // Nothing more is heard on such a connection: its end is what rolls back.
      if (isUnanswered(error)) broken = error;
      else
        await client.query('rollback').catch((failure: unknown) => {
          broken = failure instanceof Error ? failure : new Error('rollback failed');
        });
      throw error;
    } finally {
      client.off('error', onLost);
      client.release(broken);
    }
  }
}

/**
 * Connections that start with these options of the server (`-c name=value …`). A statement fails without an answer for
 * `answerWithinMs` (null: no limit); with `pipeline` those given to one connection together leave together.
 */
export function openPool(
  connectionString: string,
  connectionsMax: number,
  options: string,
  onIdleError: (error: Error) => void,
  { answerWithinMs = ANSWER_WITHIN_MS, pipeline = false }: { answerWithinMs?: number | null; pipeline?: boolean } = {},
): Pool {
  const pool = new Pool({
    connectionString,
    max: connectionsMax,
    connectionTimeoutMillis: 5000,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    options,
    ...(answerWithinMs === null ? {} : { query_timeout: answerWithinMs }),
    pipeline,
  });
  pool.on('error', onIdleError);
  // A server that stops may take its leave in the bytes of its welcome, before whoever asked for the connection can listen: to
  // them it is a connection that answers nothing, and without this a process that ends.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** Ends a pool, and does not wait for a server that is gone. */
export async function closePool(pool: Pool): Promise<void> {
  await Promise.race([pool.end(), pause(CLOSE_WITHIN_MS, undefined, { ref: false })]);
}

/** The driver's own words, for which it has no code. */
function isUnanswered(error: unknown): error is Error {
  return error instanceof Error && error.message === 'Query read timeout';
}

/** How a transaction goes. */
interface Course {
  /** It has ended, and the connection may be another's already: nothing more is sent. */
  over: boolean;
  /** Of statements given together the failure of a later one may be heard before the one that it comes of. */
  firstError: Error | null;
}

function transactionOn(client: PoolClient, course: Course): Transaction {
  const query = async <R extends QueryResultRow>({ name, text }: Statement, values: readonly unknown[]) => {
    if (course.over) throw new Error(`${name} came after its transaction had ended`);
    return client.query<R>({ name, text, values: [...values] });
  };
  const heard = <T>(answer: Promise<T>): Promise<T> => {
    // Whoever gave several may be waiting for another one: a failure that nobody listens to yet must not end the process.
    answer.catch((error: unknown) => {
      if (error instanceof Error) course.firstError ??= error;
    });
    return answer;
  };
  return {
    rows: <R extends QueryResultRow>(statement: Statement, values: readonly unknown[] = []) =>
      heard(query<R>(statement, values).then(({ rows }) => rows)),
    run: (statement, values = []) => heard(query(statement, values).then(({ rowCount }) => rowCount ?? 0)),
  };
}

/** The SQLSTATE or system error code that an error carries, or null. */
export function sqlState(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}

const UNAVAILABLE_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  '25006',
  'P1001',
  'P1008',
  'P1017',
  'P2024',
]);
const UNAVAILABLE_CLASSES = ['08', '53', '57', '58'];
const UNAVAILABLE_WORDS =
  /connection (terminated|timeout|ended|closed)|server has closed the connection|timeout exceeded when trying to connect|not queryable|query read timeout/i;

/** Where drivers and Prisma keep the error that was there first. */
const WRAPPINGS = ['cause', 'meta', 'driverAdapterError'] as const;
const WRAPPINGS_DEEP_MAX = 6;

/** True when the database is away, overloaded or read-only rather than the statement wrong: the caller may try later. */
export function isUnavailable(error: unknown): boolean {
  return wrapped(error, WRAPPINGS_DEEP_MAX).some(saysUnavailable);
}

function wrapped(error: unknown, deepMax: number): readonly object[] {
  if (typeof error !== 'object' || error === null || deepMax === 0) return [];
  const fields = new Map<string, unknown>(
    WRAPPINGS.map((name) => [name, name in error ? Reflect.get(error, name) : null]),
  );
  return [error, ...[...fields.values()].flatMap((inner) => wrapped(inner, deepMax - 1))];
}

function saysUnavailable(error: object): boolean {
  const codes = [sqlState(error), 'originalCode' in error ? error.originalCode : null];
  const words = 'message' in error && typeof error.message === 'string' && UNAVAILABLE_WORDS.test(error.message);
  return words || codes.some((code) => typeof code === 'string' && isUnavailableCode(code));
}

function isUnavailableCode(code: string): boolean {
  if (UNAVAILABLE_CODES.has(code) || code === SERIALIZATION_FAILURE || code === DEADLOCK) return true;
  return /^[0-9A-Z]{5}$/.test(code) && UNAVAILABLE_CLASSES.some((prefix) => code.startsWith(prefix));
}
