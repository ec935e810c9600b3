import { createServer as createTlsServer } from 'node:https';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { HttpClient } from '../../src/systems/http.js';
import type { HttpCall, HttpClientOptions, SendOptions } from '../../src/systems/http.js';
import { supermemoryDocuments } from '../../src/systems/supermemory/documents.js';
import { until } from '../support/until.js';
import { CERTIFICATE, CERTIFICATE_KEY } from './certificate.js';
import { raw, ScriptedProvider } from './scripted-provider.js';

const call: HttpCall = {
  method: 'POST',
  path: '/delete',
  headers: { 'content-type': 'application/json' },
  body: '{"a":1}',
};
const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const close of closing.splice(0).toReversed()) await close();
});

/** A server of bare sockets: what it does with the bytes of a request is the test's. */
async function bare(onData: (socket: Socket, text: string, count: number) => void): Promise<string> {
  const sockets = new Set<Socket>();
  let count = 0;
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => onData(socket, chunk.toString(), (count += 1)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
  const address: AddressInfo | string | null = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

function client(origin: string, options: Partial<HttpClientOptions> = {}): HttpClient {
  const made = new HttpClient({ origin, timeoutMs: 5_000, connections: 1, ...options });
  closing.push(() => made.close());
  return made;
}

const once = (origin: string, sendOptions: SendOptions = {}, options: Partial<HttpClientOptions> = {}) =>
  client(origin, options).send(call, sendOptions);

describe('a call that did not leave us', () => {
  it('T101 is known not to have been sent when there is no name, no connection or no TLS', async () => {
    const closed = await bare(() => undefined);
    await closing.pop()?.();
    expect(await once(closed)).toEqual({ kind: 'unreachable', sent: false, cause: 'connection', status: null });
    expect(await once('http://a..b')).toMatchObject({ sent: false, cause: 'name' });
    const plain = await bare((socket) => socket.end('no TLS here'));
    expect(await once(plain.replace('http:', 'https:'))).toMatchObject({ sent: false });
  });

  it('is not sent to a server whose certificate nobody vouches for', async () => {
    const server = createTlsServer({ cert: CERTIFICATE, key: CERTIFICATE_KEY });
    const provider = await ScriptedProvider.start(server, 'https');
    closing.push(() => provider.stop());
    expect(await once(provider.origin)).toEqual({ kind: 'unreachable', sent: false, cause: 'tls', status: null });
    expect(provider.seen).toEqual([]);
    expect(await once(provider.origin, {}, { ca: CERTIFICATE })).toMatchObject({ kind: 'reply', status: 200 });
    const other = provider.origin.replace('127.0.0.1', 'localhost');
    expect(await once(other, {}, { ca: CERTIFICATE })).toMatchObject({ sent: false, cause: 'tls' });
  });

  it('is not sent when beforeFirstByte says no, or throws', async () => {
    const received: string[] = [];
    const origin = await bare((socket, text) => {
      received.push(text);
      socket.write(ok);
    });
    const refusals = [
      () => false,
      () => {
        throw new Error('no');
      },
    ];
    for (const beforeFirstByte of refusals) {
      expect(await once(origin, { beforeFirstByte })).toEqual({
        kind: 'unreachable',
        sent: false,
        cause: 'not_sent',
        status: null,
      });
    }
    expect(received).toEqual([]);
  });

  it('is asked for its first byte only when a connection is free', async () => {
    const asked: string[] = [];
    const answers: (() => void)[] = [];
    const origin = await bare((socket) => answers.push(() => socket.write(ok)));
    const one = client(origin);
    const ask = (name: string) => one.send(call, { beforeFirstByte: () => asked.push(name) > 0 });
    const [first, second] = [ask('first'), ask('second')];
    await expect.poll(() => answers.length).toBe(1);
    expect(asked).toEqual(['first']);
    answers[0]?.();
    await first;
    await expect.poll(() => answers.length).toBe(2);
    answers[1]?.();
    expect(await second).toMatchObject({ kind: 'reply' });
    expect(asked).toEqual(['first', 'second']);
  });

  it('is given up unsent when its deadline passes while it waits for a connection', async () => {
    let requests = 0;
    const answers: (() => void)[] = [];
    const origin = await bare((socket) => {
      requests += 1;
      answers.push(() => socket.write(ok));
    });
    const one = client(origin, { timeoutMs: 400 });
    // Both deadlines in one turn: else the first may leave its connection to the second in between.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const sending = Promise.all([one.send(call), one.send(call)]);
    await until('the first to arrive', () => (requests === 1 ? true : undefined));
    vi.advanceTimersByTime(400);
    vi.useRealTimers();
    const [first, second] = await sending;
    expect(first).toMatchObject({ sent: true, cause: 'timeout', status: null });
    expect(second).toMatchObject({ sent: false, cause: 'timeout' });
    expect(requests).toBe(1);
  });

  it('is not sent when its signal is aborted, and reset when it is aborted on the way', async () => {
    const origin = await bare(() => controller.abort());
    expect(await once(origin, { signal: AbortSignal.abort() })).toMatchObject({ sent: false, cause: 'not_sent' });
    const controller = new AbortController();
    expect(await once(origin, { signal: controller.signal })).toMatchObject({ sent: true, cause: 'reset' });
  });

  it('is not sent with a credential that no header can carry, nor after close', async () => {
    const origin = await bare((socket) => socket.write(ok));
    const one = client(origin);
    const broken = { ...call, headers: { 'x-velt-api-key': 'key\r\nx: y' } };
    expect(await one.send(broken)).toMatchObject({ sent: false, cause: 'not_sent' });
    await one.close();
    expect(await one.send(call)).toMatchObject({ sent: false, cause: 'not_sent' });
  });
});

describe('a call that may have left us', () => {
  it('T102 is sent once, and counts as sent, when a reused connection is reset', async () => {
    const received: string[] = [];
    const origin = await bare((socket, text, count) => {
      received.push(text);
      if (count === 1) socket.write(ok);
      else socket.resetAndDestroy();
    });
    const one = client(origin);
    expect(await one.send(call)).toMatchObject({ kind: 'reply', status: 200 });
    expect(await one.send(call)).toEqual({ kind: 'unreachable', sent: true, cause: 'reset', status: null });
    expect(received.length).toBe(2);
  });

  it('T101 is of unknown effect when the connection ends without a reply, or with bytes that are no HTTP', async () => {
    expect(await once(await bare((socket) => socket.end()))).toMatchObject({
      sent: true,
      cause: 'reset',
      status: null,
    });
    expect(await once(await bare((socket) => socket.end('SSH-2.0\r\n')))).toMatchObject({
      sent: true,
      cause: 'undecodable',
    });
    const endless = await bare((socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(200_000)}`));
    expect(await once(endless)).toMatchObject({ sent: true, cause: 'too_large' });
  });

  it('is given up at its deadline when no reply comes', async () => {
    const origin = await bare(() => undefined);
    expect(await once(origin, {}, { timeoutMs: 200 })).toEqual({
      kind: 'unreachable',
      sent: true,
      cause: 'timeout',
      status: null,
    });
  });
});

describe('a reply', () => {
  it('is given whole, with what matters of its head', async () => {
    const provider = await ScriptedProvider.start();
    closing.push(() => provider.stop());
    const script = raw(503, 'Application/JSON; charset=utf-8', '{"a":"\u00e9"}', { 'retry-after': ['1', '2'] });
    const memory = { scope: {}, ids: ['m'], selects: false };
    expect(await provider.send(supermemoryDocuments, memory, script)).toEqual({
      kind: 'reply',
      status: 503,
      contentType: 'application/json',
      retryAfter: ['1', '2'],
      body: Buffer.from('{"a":"\u00e9"}'),
      sha256: 'b3a092a6af48807fa9482b2ee140105575daa26d5b24b3c0e60a7e2dee6683b1',
      receivedAt: expect.any(Number),
    });
  });

  it('is the final one, not an early hint', async () => {
    const origin = await bare((socket) => socket.write(`HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${ok}`));
    expect(await once(origin)).toMatchObject({ kind: 'reply', status: 200 });
  });

  it('leaves its connection to the next call, after a DELETE with a body too', async () => {
    const ports = new Set<number | undefined>();
    const origin = await bare((socket) => {
      ports.add(socket.remotePort);
      socket.write(ok);
    });
    const one = client(origin);
    for (const method of ['DELETE', 'POST', 'DELETE'] as const) await one.send({ ...call, method });
    expect(ports.size).toBe(1);
  });
});
