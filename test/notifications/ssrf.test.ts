/** Nobody reaches our own network by way of a notification. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkEndpointUrl } from '../../src/notifications/endpoint-url.js';
import { post, resolveByDns } from '../../src/notifications/post.js';
import type { Posted, Resolve } from '../../src/notifications/post.js';
import { isPublic, mayReach } from '../../src/notifications/public-address.js';
import { HOSTILE_ANSWERS, REFUSED_URLS } from './hostile-urls.js';
import { startReceiver, withStatus } from './receiver.js';
import type { Receiver } from './receiver.js';

/** Of the public range and handed out to nobody: it is never answered, and on most machines there is not even a route. */
const NOWHERE = '2d00:ffff::1';

let canaries: Receiver[];
beforeAll(async () => {
  canaries = [await startReceiver(), await startReceiver({ host: '::1' })];
});
afterAll(() => Promise.all(canaries.map((canary) => canary.close())));

const touched = () => canaries.reduce((sum, canary) => sum + canary.connections(), 0);
const ports = () => canaries.map((canary) => canary.port);

/** Posts past the check of the URL's form, so that only what the address says stands between us and the listener. */
function send(url: string, resolve: Resolve, allowPrivate = false): Promise<Posted> {
  return post(
    { url: new URL(url), headers: {}, body: '{}', nowMs: 0 },
    { allowPrivate, resolve, totalMs: 2000, connectMs: 300 },
  );
}

/** What a careless resolver says: for the names of one's own, their addresses. */
const careless: Resolve = () => Promise.resolve(['127.0.0.1', '::1']);

describe('a hostile URL', () => {
  it('is one of at least 60, and as many hostile answers of DNS again', () => {
    expect(new Set(REFUSED_URLS).size).toBeGreaterThanOrEqual(60);
    expect(new Set(HOSTILE_ANSWERS.map(String)).size).toBeGreaterThanOrEqual(45);
  });

  it.each(REFUSED_URLS)('%s is refused when it is saved, without being repeated', (template) => {
    for (const port of ports()) {
      const checked = checkEndpointUrl(template.replace('{port}', String(port)), false);
      expect(checked).toMatchObject({ ok: false });
      expect(JSON.stringify(checked)).not.toMatch(/example|127|secret|passwd/);
    }
  });

  it('would be blocked when it is sent, too, and no listener hears of it', async () => {
    const sendable = REFUSED_URLS.flatMap((template) =>
      ports().flatMap((port) => {
        const text = template.replace('{port}', String(port));
        const url = URL.canParse(text) ? new URL(text) : null;
        if (url === null || !['http:', 'https:'].includes(url.protocol) || isPublic(url.hostname.replace(/[[\]]/g, '')))
          return [];
        // In plain HTTP and to the listener's own port: nothing but the address is in the way.
        return [`http://${url.hostname}:${port}${url.pathname}`];
      }),
    );
    expect(sendable.length).toBeGreaterThan(100);
    const before = touched();
    const posted = await Promise.all(sendable.map((url) => send(url, careless)));
    expect(new Set(posted.map((one) => JSON.stringify(one)))).toEqual(new Set(['{"kind":"none","failure":"blocked"}']));
    expect(touched()).toBe(before);
  });
});

describe('an innocent name', () => {
  it.each(HOSTILE_ANSWERS.map((answer) => [answer.join(' and '), answer] as const))(
    'that stands for %s is blocked',
    async (_text, answer) => {
      const before = touched();
      for (const port of ports()) {
        const posted = await send(`http://hooks.example.com:${port}/`, () => Promise.resolve(answer));
        expect(posted).toEqual({ kind: 'none', failure: 'blocked' });
      }
      expect(touched()).toBe(before);
    },
  );

  it('is looked up once an attempt: what it stands for a moment later is not asked', async () => {
    const before = touched();
    for (const port of ports()) {
      const answers = [[NOWHERE], ['127.0.0.1', '::1']];
      let asked = 0;
      const posted = await send(`http://hooks.example.com:${port}/`, () => Promise.resolve(answers[asked++] ?? []));
      expect(posted.kind === 'none' && ['connection', 'timeout', 'reset'].includes(posted.failure)).toBe(true);
      expect(asked).toBe(1);
      const again = await send(`http://hooks.example.com:${port}/`, () => Promise.resolve(answers[asked++] ?? []));
      expect(again).toEqual({ kind: 'none', failure: 'blocked' });
    }
    expect(touched()).toBe(before);
  });

  it('that nobody knows, or that nobody answers for in time, is a failure of the name', async () => {
    const nobody = { kind: 'none', failure: 'name' };
    expect(await send('http://hooks.example.com/', () => Promise.resolve([]))).toEqual(nobody);
    expect(await send('http://hooks.example.com/', () => Promise.reject(new Error('SERVFAIL')))).toEqual(nobody);
    expect(await send('http://hooks.example.com/', () => new Promise(() => undefined))).toEqual(nobody);
  });
});

describe('a redirect', () => {
  it.each([301, 302, 303, 307, 308])('with %i to a private address is not followed', async (status) => {
    const [canary] = canaries;
    const receiver = await startReceiver();
    receiver.answer(withStatus(status, { location: canary?.url ?? '' }));
    const before = touched();
    const posted = await send(receiver.url, careless, true);
    expect(posted).toMatchObject({ kind: 'answer', status });
    expect(receiver.received).toHaveLength(1);
    expect(touched()).toBe(before);
    await receiver.close();
  });
});

describe('ALLOW_PRIVATE_ENDPOINTS', () => {
  it.each([
    'http://localhost:8080/x',
    'http://127.0.0.1:8080/x',
    'http://[::1]:8080/x',
    'https://10.1.2.3:8443/x',
    'https://receiver:8443/x',
    'https://receiver.internal/x',
  ])('lets %s in', (url) => {
    expect(checkEndpointUrl(url, true).ok).toBe(true);
    expect(checkEndpointUrl(url, false).ok).toBe(false);
  });

  it.each([
    'http://10.1.2.3/x',
    'http://hooks.example.com/x',
    'https://169.254.169.254/x',
    'https://[fe80::1]/x',
    'https://[64:ff9b::7f00:1]/x',
    'https://0.0.0.0/x',
    'https://user@localhost/x',
    'ftp://localhost/x',
  ])('lets %s out all the same', (url) => {
    expect(checkEndpointUrl(url, true).ok).toBe(false);
  });

  it('takes localhost for loopback, without asking anybody', async () => {
    const receiver = await startReceiver();
    expect(await send(`http://localhost:${receiver.port}/`, resolveByDns, true)).toMatchObject({ status: 204 });
    expect(await send(`http://localhost:${receiver.port}/`, resolveByDns)).toMatchObject({ failure: 'blocked' });
    expect(receiver.connections()).toBe(1);
    await receiver.close();
  });

  it('never lets a name stand for the metadata service of a cloud', async () => {
    const posted = await send(
      'http://hooks.example.com/',
      () => Promise.resolve(['10.0.0.1', '169.254.169.254']),
      true,
    );
    expect(posted).toEqual({ kind: 'none', failure: 'blocked' });
  });
});

describe('an address', () => {
  it('is public as IANA says, in any spelling', () => {
    for (const address of ['1.1.1.1', '93.184.215.14', '172.32.0.1', '2606:4700:4700::1111', '2A00:1450:4001:0::200e'])
      expect(isPublic(address)).toBe(true);
  });

  it('of IPv6 that wraps an IPv4 address is never public', () => {
    const bytes = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
    fc.assert(
      fc.property(bytes, ([a, b, c, d]) => {
        const v4 = `${a}.${b}.${c}.${d}`;
        const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
        for (const wrapped of [`::ffff:${v4}`, `::${v4}`, `64:ff9b::${v4}`, `2002:${hex}::`, `2001:0:${hex}::`])
          expect(isPublic(wrapped)).toBe(false);
      }),
    );
  });

  it('that is private is reachable only where that is allowed', () => {
    for (const address of ['127.0.0.1', '10.0.0.1', '::1', 'fd00::1']) {
      expect(mayReach(address, false)).toBe(false);
      expect(mayReach(address, true)).toBe(true);
    }
  });
});
