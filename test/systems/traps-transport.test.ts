/** What goes wrong on the wire, for any provider: rows of docs/contract-coverage.md, each over real sockets. */
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Reading } from '../../src/core/answer.js';
import { SYSTEMS } from '../../src/systems/registry.js';
import { supermemoryDocuments } from '../../src/systems/supermemory/documents.js';
import type { Call, System } from '../../src/systems/system.js';
import { veltDocuments } from '../../src/systems/velt/documents.js';
import { CREDENTIALS, raw, said, ScriptedProvider } from './scripted-provider.js';
import type { Script } from './scripted-provider.js';

let provider: ScriptedProvider;
beforeAll(async () => {
  provider = await ScriptedProvider.start();
});
afterAll(() => provider.stop());

const call: Call = { scope: { organizationId: 'org1' }, ids: ['d1'], selects: false };
const memories: Call = { scope: {}, ids: ['m1'], selects: false };
const good = JSON.stringify({
  result: { status: 'success', data: { d1: { success: true, message: 'Deleted Successfully' } } },
});
const silent = 'unclear, silent, effect unknown';

const ask = (script: Script, options = {}): Promise<Reading> => provider.ask(veltDocuments, call, script, options);
const both = (status: number, contentType: string, body: string): Promise<unknown[]> =>
  Promise.all(
    (
      [
        [veltDocuments, call],
        [supermemoryDocuments, memories],
      ] as const
    ).map(async ([system, asked]: readonly [System, Call]) => {
      const alone = await ScriptedProvider.start();
      const reading = await alone.ask(system, asked, raw(status, contentType, body));
      await alone.stop();
      return said(reading);
    }),
  );

describe('redirects', () => {
  it('T112 T113 a redirect is not followed: nothing more is sent, and nothing believed', async () => {
    const elsewhere = await ScriptedProvider.start();
    for (const status of [301, 302, 303, 307, 308]) {
      const reading = await ask(raw(status, 'application/json', good, { location: `${elsewhere.origin}/v2/x` }));
      expect(said(reading)).toBe('blocked by contract, effect unknown');
    }
    expect(elsewhere.seen).toEqual([]);
    await elsewhere.stop();
  });
});

describe('bodies', () => {
  it('T114 a body shorter than it said, or cut in a chunk, is never read', async () => {
    const short: Script = (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': good.length + 10 });
      response.write(good, () => response.destroy());
    };
    const chunked: Script = (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write(good, () => response.destroy());
    };
    for (const script of [short, chunked]) {
      expect(await provider.send(veltDocuments, call, script)).toEqual({
        kind: 'unreachable',
        sent: true,
        cause: 'cut',
        status: 200,
      });
      expect(said(await ask(script))).toBe(silent);
    }
  });

  it('T115 an empty or foreign body on 2xx is unclear', async () => {
    for (const [status, body] of [
      [200, ''],
      [204, ''],
      [200, ' \n'],
      [200, '<html>ok</html>'],
      [200, 'deleted'],
    ] as const) {
      expect(await both(status, 'application/json', body)).toEqual([silent, silent]);
    }
  });

  it("T116 what is not JSON on 4xx and 5xx is read by its status alone, and has no word of the provider's", async () => {
    const html = '<html>document not found: d1</html>';
    const words = new Map([
      [400, silent],
      [404, silent],
      [409, silent],
      [413, silent],
      [500, silent],
      [401, 'blocked by credentials, effect unknown'],
      [402, 'blocked by quota, effect unknown'],
      [429, 'blocked by rate, effect unknown'],
    ]);
    for (const [status, word] of words) expect(await both(status, 'text/html', html)).toEqual([word, word]);
  });

  it('T117 a huge body is given up, and so is one that unpacks into a huge one', async () => {
    const bodyBytesMax = 64 * 1024;
    const padded = good + ' '.repeat(1024 * 1024);
    for (const script of [
      raw(200, 'application/json', padded),
      raw(200, 'application/json', gzipSync(padded), { 'content-encoding': 'gzip' }),
      raw(200, 'application/json', brotliCompressSync(padded), { 'content-encoding': 'br' }),
    ]) {
      const reply = await provider.send(veltDocuments, call, script, { bodyBytesMax });
      expect(reply).toEqual({ kind: 'unreachable', sent: true, cause: 'too_large', status: 200 });
      expect(said(veltDocuments.classify(call, reply))).toBe(silent);
    }
  });

  it('T117 a slow body is given up at the deadline of the whole call', async () => {
    const drip: Script = (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
    };
    const reply = await provider.send(veltDocuments, call, drip, { timeoutMs: 300 });
    expect(reply).toEqual({ kind: 'unreachable', sent: true, cause: 'timeout', status: 200 });
  });

  it('an encoding nobody asked for is read within the cap, or not at all', async () => {
    const packed = (encoding: string, body: Uint8Array) =>
      ask(raw(200, 'application/json', body, { 'content-encoding': encoding }));
    expect(said(await packed('gzip', gzipSync(good)))).toEqual({ d1: 'erased: provider' });
    for (const [encoding, body] of [
      ['zstd', gzipSync(good)],
      ['gzip', Buffer.from(good)],
      ['gzip, gzip', gzipSync(gzipSync(good))],
    ] as const) {
      expect(said(await packed(encoding, body))).toBe(silent);
    }
    expect(said(await packed('gzip', gzipSync(good).subarray(0, -9)))).toBe(silent);
    expect(provider.seen.at(-1)?.headers['accept-encoding']).toBe('identity');
  });

  it('T118 JSON that is no object is unclear', async () => {
    for (const body of ['"ok"', '[]', 'null', 'true', '1'])
      expect(await both(200, 'application/json', body)).toEqual([silent, silent]);
  });

  it('T122 an ID answered as a number is no answer for its digits', async () => {
    const body = '{"success":true,"deletedCount":0,"errors":[{"id":12345678901234567890,"error":"Memory not found"}]}';
    const asked = { ...memories, ids: ['12345678901234567890'] };
    const reading = await provider.ask(supermemoryDocuments, asked, raw(200, 'application/json', body));
    expect(said(reading)).toEqual({ '12345678901234567890': 'unclear' });
  });

  it('T123 a name that stands twice makes the whole body unreadable', async () => {
    const twice = '{"result":{"data":{"d1":{"success":false,"success":true,"message":"Deleted Successfully"}}}}';
    expect(said(await ask(raw(200, 'application/json', twice)))).toBe(silent);
  });
});

describe('statuses', () => {
  it('T130 another 2xx counts when its body has the shape, else it is unclear', async () => {
    for (const status of [202, 203, 206, 207]) {
      expect(said(await ask(raw(status, 'application/json', good)))).toEqual({ d1: 'erased: provider' });
      expect(said(await ask(raw(status, 'application/json', '{"accepted":true}')))).toEqual({ d1: 'unclear' });
    }
  });

  it('T131 statuses that may hide a call that ran are silent, of unknown effect', async () => {
    for (const status of [408, 425, 499, 502, 503, 504, 520, 524])
      expect(await both(status, 'text/html', 'x')).toEqual([silent, silent]);
  });

  it("T133 413 in the provider's own words is a refusal; 414 and 431 are unclear", async () => {
    expect(said(await ask(raw(413, 'application/json', '{"error":{"message":"Too large","status":"X"}}')))).toBe(
      'refused',
    );
    for (const status of [414, 431]) expect(await both(status, 'text/html', 'x')).toEqual([silent, silent]);
  });

  it('T134 a call that is not taken at all says nothing about its IDs, whatever the body', async () => {
    for (const status of [405, 410, 415, 421, 501]) {
      expect(await both(status, 'application/json', good)).toEqual(
        Array(2).fill('blocked by contract, effect unknown'),
      );
    }
  });

  it('T135 451, and 403 from a wall before the provider, block with unknown effect', async () => {
    for (const status of [451, 403])
      expect(await both(status, 'text/html', 'x')).toEqual(Array(2).fill('blocked by credentials, effect unknown'));
  });

  it('T98 T99 Retry-After is kept within 1 s and 1 h, and is null where it says nothing', async () => {
    const pauses = new Map<string | string[], number | null>([
      ['0', 1_000],
      ['90', 90_000],
      ['86400', 3_600_000],
      ['-5', null],
      ['3, 5', null],
      ['soon', null],
      ['Sun, 06 Nov 1994 08:49:37 GMT', null],
      [['10', '20'], null],
      [['10', '10'], 10_000],
    ]);
    for (const [value, retryAfterMs] of pauses) {
      expect(await ask(raw(429, 'text/html', 'x', { 'retry-after': value }))).toMatchObject({
        reason: 'rate',
        retryAfterMs,
      });
    }
    const inAMinute = new Date(Date.now() + 60_000).toUTCString();
    const dated = await ask(raw(429, 'text/html', 'x', { 'retry-after': inAMinute }));
    expect(dated.verdict === 'blocked' && dated.retryAfterMs).toSatisfy(
      (ms) => typeof ms === 'number' && ms > 0 && ms <= 60_000,
    );
  });
});

describe('what is sent', () => {
  it('T124 T126 what is no well-formed string is not sent', () => {
    for (const system of SYSTEMS) {
      const scope =
        { 'velt.documents': { organizationId: 'o' }, 'velt.comments': { documentId: 'd' } }[system.name] ?? {};
      expect(() => system.write({ scope, ids: ['\ud800'], selects: false }, CREDENTIALS)).toThrow(/well-formed/);
      expect(() => system.write({ scope, ids: [''], selects: false }, CREDENTIALS)).toThrow(/non-empty/);
      expect(() => system.write({ scope, ids: JSON.parse('[null]'), selects: false }, CREDENTIALS)).toThrow(/strings/);
    }
  });

  it('T125 blanks and control characters go out as they are', async () => {
    const ids = [' ', ' d1 ', '\t\n', '\u0007', '\u00e9', 'e\u0301', 'D1', 'd1'];
    await provider.ask(veltDocuments, { ...call, ids }, raw(200, 'text/plain', ''));
    expect(JSON.parse(provider.seen.at(-1)?.body ?? '')).toEqual({
      data: { organizationId: 'org1', documentIds: ids },
    });
  });

  it('T143 no proxy is read from the environment', async () => {
    const proxy = await ScriptedProvider.start();
    const before = process.env['http_proxy'];
    process.env['http_proxy'] = proxy.origin;
    expect(said(await ask(raw(200, 'application/json', good)))).toEqual({ d1: 'erased: provider' });
    if (before === undefined) delete process.env['http_proxy'];
    else process.env['http_proxy'] = before;
    expect(proxy.seen).toEqual([]);
    await proxy.stop();
  });
});
