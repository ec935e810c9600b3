/**
 * A way to Postgres over TCP that reads what the client says and goes wrong at a named moment: it cuts the connection
 * before a statement reaches the server, or after a commit was done and before its answer comes back.
 */
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { inject } from 'vitest';
import type { TestDatabase } from './postgres.js';

export interface PostgresProxy {
  /** For DATABASE_URL. */
  readonly url: string;
  /** The statement with this number from now on (1: the next; BEGIN is none) does not reach the server, and its connection is gone. */
  cutAt(number: number): void;
  /** The statements that were cut, in order. */
  readonly cut: readonly string[];
  /** The next commit of a transaction in which this statement ran is done, and its answer lost with the connection. */
  loseCommitAfter(statement: string): void;
  /** Whether what was ordered last has happened. */
  happened(): boolean;
  close(): Promise<void>;
}

interface Orders {
  /** Statements still let through, and then the cut. */
  cut: number | null;
  readonly done: string[];
  lose: string | null;
}

/**
 * Whether this, or the transaction that begins with it, is what a service does whenever it likes and for no request (BullMQ's
 * statements begin with a comment): it is not counted, or it would be cut in the place of a request's.
 */
const isUnasked = (statement: string): boolean =>
  ['add-hits', 'drop-ended-windows', 'try-lock-ledger'].includes(statement) || statement.startsWith('-- ');

/** Starts a proxy before the server of `database`. */
export async function startPostgresProxy(database: TestDatabase): Promise<PostgresProxy> {
  const { host, port, user } = inject('postgres');
  const orders: Orders = { cut: null, done: [], lose: null };
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(join(host, `.s.PGSQL.${port}`));
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    relay(client, upstream, orders);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as AddressInfo;
  return {
    url: `postgresql://${user}@127.0.0.1:${address.port}${new URL(database.url).pathname}?sslmode=disable`,
    cutAt: (number) => void (orders.cut = number),
    cut: orders.done,
    loseCommitAfter: (statement) => void (orders.lose = statement),
    happened: () => orders.cut === null && orders.lose === null,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function relay(client: Socket, upstream: Socket, orders: Orders): void {
  const end = (): void => {
    client.destroy();
    upstream.destroy();
  };
  let pending: Buffer = Buffer.alloc(0);
  let started = false;
  let unnamed = '';
  let transaction: Set<string> | null = null;
  let unasked = false;
  let deaf = false;
  client.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    for (;;) {
      // Only the first message has no type before its length.
      const typed = started ? 1 : 0;
      if (pending.length < typed + 4) return;
      const length = typed + pending.readInt32BE(typed);
      if (pending.length < length) return;
      const message = pending.subarray(0, length);
      pending = pending.subarray(length);
      if (started) unnamed = textOfUnnamed(message) ?? unnamed;
      const name = started ? statementOf(message, unnamed) : null;
      started = true;
      if (name === 'begin') transaction = new Set();
      else if (name !== null) {
        if (transaction === null || transaction.size === 0) unasked = isUnasked(name);
        transaction?.add(name);
        if (orders.cut !== null && !unasked && (orders.cut -= 1) === 0) {
          orders.cut = null;
          orders.done.push(name);
          end();
          return;
        }
        if (name === 'commit' && orders.lose !== null && transaction?.has(orders.lose)) {
          orders.lose = null;
          deaf = true;
        }
        if (name === 'commit' || name === 'rollback') transaction = null;
      }
      upstream.write(message);
    }
  });
  upstream.on('data', (chunk: Buffer) => {
    if (deaf) end();
    else client.write(chunk);
  });
  client.on('close', end);
  upstream.on('close', end);
}

/** The text that a message of the client gives to the statement without a name, or null. */
function textOfUnnamed(message: Buffer): string | null {
  const [name, text] = message.subarray(5).toString('latin1').split('\0');
  return String.fromCharCode(message[0] ?? 0) === 'P' && name === '' ? (text ?? null) : null;
}

/** What a message of the client runs: a prepared statement's name, or the text of one without; or nothing. */
function statementOf(message: Buffer, unnamed: string): string | null {
  const type = String.fromCharCode(message[0] ?? 0);
  const texts = message.subarray(5).toString('latin1').split('\0');
  if (type === 'Q') return texts[0] ?? null;
  // Bind: the portal, then the statement.
  if (type !== 'B') return null;
  return texts[1] === '' ? unnamed : (texts[1] ?? null);
}
