import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { Fault } from './fault.js';
import type { Reply } from './reply.js';

const HUGE_BYTES = 9 * 1024 * 1024;
const BOMB_BYTES = 64 * 1024 * 1024;
const SLOW_BYTE_MS = 1000;

let bomb: Buffer | undefined;

/** Sends an answer, spoiled by `fault` where that is a fault of sending. Returns the HTTP status sent, null for none. */
export function send(response: ServerResponse, fault: Fault | null, reply: Reply): number | null {
  switch (fault?.name) {
    case 'timeout':
      return null;
    case 'reset':
      response.socket?.resetAndDestroy();
      return null;
    case 'cut':
      return sendCut(response, reply);
    case 'huge':
      return sendWhole(response, { ...reply, body: padded(reply) });
    case 'gzip-bomb':
      return sendBomb(response, reply);
    case 'slow-body':
      return sendSlowly(response, reply, Number(fault.parameter ?? SLOW_BYTE_MS));
    default:
      return sendWhole(response, reply);
  }
}

function sendWhole(response: ServerResponse, { status, headers, body }: Reply): number {
  const length = status === 204 ? {} : { 'content-length': Buffer.byteLength(body) };
  response.writeHead(status, { ...headers, ...length });
  response.end(body);
  return status;
}

function sendCut(response: ServerResponse, { status, headers, body }: Reply): number {
  const bytes = Buffer.from(body);
  response.writeHead(status, { ...headers, 'content-length': bytes.length });
  response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => response.destroy());
  return status;
}

/** The right JSON behind so many blanks that no client should want to read it. */
function padded({ body }: Reply): Buffer {
  return Buffer.concat([Buffer.alloc(HUGE_BYTES, ' '), Buffer.from(body)]);
}

/** Few bytes on the wire, 64 MiB when unpacked: a gzip member of blanks and one with the right answer. */
function sendBomb(response: ServerResponse, { status, headers, body }: Reply): number {
  bomb ??= gzipSync(Buffer.alloc(BOMB_BYTES, ' '));
  const packed = Buffer.concat([bomb, gzipSync(body)]);
  return sendWhole(response, { status, headers: { ...headers, 'content-encoding': 'gzip' }, body: packed });
}

function sendSlowly(response: ServerResponse, { status, headers, body }: Reply, byteMs: number): number {
  const bytes = Buffer.from(body);
  response.writeHead(status, { ...headers, 'content-length': bytes.length });
  let sent = 0;
  const timer = setInterval(() => {
    response.write(bytes.subarray(sent, sent + 1));
    sent += 1;
    if (sent >= bytes.length) response.end();
  }, byteMs);
  response.flushHeaders();
  response.once('close', () => clearInterval(timer));
  response.once('finish', () => clearInterval(timer));
  return status;
}
