/** A TCP proxy that lies between a service and its Postgres or Redis, and does to the connections what networks do. */
import { createConnection, createServer } from 'node:net';
import type { NetConnectOpts, Server, Socket } from 'node:net';

/** `open` passes everything on. `blackhole` swallows everything, of old and new connections, and says nothing. */
type Mode = 'open' | 'blackhole';

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  /** Set when the connection will never carry anything again, though neither end is told. */
  dead: boolean;
}

/** `begin` and `rollback` go the same way: only the statement itself is looked for, in a simple query message. */
const COMMIT = Buffer.from('Q\0\0\0\u000bcommit\0', 'latin1');

export class TcpProxy {
  private readonly links = new Set<Link>();
  private server: Server | null = null;
  private mode: Mode = 'open';
  private port = 0;
  private repliesToDrop = 0;
  /** How many replies to a COMMIT were dropped so far, each with its connection. */
  dropped = 0;

  constructor(private readonly target: () => NetConnectOpts) {}

  get address(): { readonly host: string; readonly port: number } {
    return { host: '127.0.0.1', port: this.port };
  }

  async open(): Promise<void> {
    const server = createServer((client) => this.accept(client));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, '127.0.0.1', resolve);
    });
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error('a proxy has no port');
    this.port = address.port;
    this.server = server;
  }

  /** Cuts every connection and refuses new ones, until `open`. */
  async close(): Promise<void> {
    const { server } = this;
    this.server = null;
    const closed = new Promise<void>((resolve) => (server === null ? resolve() : server.close(() => resolve())));
    this.cut();
    await closed;
  }

  cut(): void {
    for (const { client, server } of this.links) {
      client.resetAndDestroy();
      server.destroy();
    }
  }

  /** Half-open: nothing arrives any more, and nobody is told. Connections of this time stay so for ever. */
  blackhole(): void {
    this.mode = 'blackhole';
    for (const link of this.links) link.dead = true;
  }

  /** New connections are passed on again. */
  heal(): void {
    this.mode = 'open';
  }

  /** The next so many COMMITs reach the server, and their answers reach nobody: the connection is cut instead. */
  dropCommitReplies(count: number): void {
    this.repliesToDrop = count;
  }

  private accept(client: Socket): void {
    const server = createConnection(this.target());
    const link: Link = { client, server, dead: this.mode === 'blackhole' };
    this.links.add(link);
    let waitsForReply = false;
    const end = (): void => {
      this.links.delete(link);
      client.destroy();
      server.destroy();
    };
    client.on('data', (chunk) => {
      if (link.dead) return;
      if (this.repliesToDrop > 0 && chunk.includes(COMMIT)) {
        this.repliesToDrop -= 1;
        waitsForReply = true;
      }
      server.write(chunk);
    });
    server.on('data', (chunk) => {
      if (link.dead) return;
      if (waitsForReply) {
        this.dropped += 1;
        client.resetAndDestroy();
        end();
        return;
      }
      client.write(chunk);
    });
    for (const socket of [client, server]) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        // Who is at the other end of a dead link learns nothing, not even this.
        if (!link.dead) end();
        else if (socket === client) end();
      });
    }
  }
}
