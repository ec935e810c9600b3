/** HTTP itself, bent and broken: every answer is a problem, and the service goes on. */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aBody, expectProblem, startApi, SUBMIT } from './test-api.js';
import type { TestApi } from './test-api.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ times: { headersMs: 300, requestMs: 600, checkMs: 50 } });
});
afterAll(() => api.close());

const head = (line: string, ...headers: string[]): string => [line, 'Host: a', ...headers, '', ''].join('\r\n');
const withKey = (): string => `Authorization: Bearer ${api.adminKey}`;
const JSON_TYPE = 'Content-Type: application/json';

function connections({ app }: TestApi): Promise<number> {
  return new Promise((resolve) => app.getHttpServer().getConnections((_error, count) => resolve(count)));
}

/** What came back over a bare connection is this problem, with our headers. */
function expectRefused(text: string, status: number, slug: string): void {
  expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(text.toLowerCase()).toContain('content-type: application/problem+json\r\n');
  const [, id] = /x-request-id: (\S+)\r\n/i.exec(text) ?? [];
  expect(JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4))).toMatchObject({
    type: `urn:expunge:problem:${slug}`,
    status,
    requestId: id,
  });
}

describe('a message that is no request', () => {
  it('B9: whose length stands twice is refused', async () => {
    const line = head(
      `POST ${SUBMIT} HTTP/1.1`,
      withKey(),
      JSON_TYPE,
      'Content-Length: 2',
      'Transfer-Encoding: chunked',
    );
    expectRefused(await api.raw(`${line}0\r\n\r\n`), 400, 'bad_request');
  });

  it('is refused', async () => {
    expectRefused(await api.raw('hello\r\n\r\n'), 400, 'bad_request');
  });

  it('without Host is refused', async () => {
    expectRefused(await api.raw('GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n'), 400, 'bad_request');
  });

  it('B56: with 32 KiB of headers is refused', async () => {
    expectRefused(
      await api.raw(head('GET /healthz HTTP/1.1', `X-A: ${'a'.repeat(32 * 1024)}`)),
      431,
      'headers_too_large',
    );
  });

  it('B56: whose headers do not come is refused', async () => {
    expectRefused(await api.raw('GET /healthz HTTP/1.1\r\nHost: a\r\n'), 408, 'timeout');
  });

  it('B56, B68: whose body does not come is refused', async () => {
    const line = head(`POST ${SUBMIT} HTTP/1.1`, withKey(), JSON_TYPE, 'Content-Length: 100');
    expectRefused(await api.raw(`${line}{`), 408, 'timeout');
    const waiting = head(
      `POST ${SUBMIT} HTTP/1.1`,
      withKey(),
      JSON_TYPE,
      'Content-Length: 100',
      'Expect: 100-continue',
    );
    expect(await api.raw(waiting)).toContain('HTTP/1.1 408 ');
  });
});

describe('a body', () => {
  it('B7: that is sent in chunks and never ends is cut off', async () => {
    const line = head(`POST ${SUBMIT} HTTP/1.1`, withKey(), JSON_TYPE, 'Transfer-Encoding: chunked');
    const chunk = `100000\r\n${' '.repeat(0x100000)}\r\n`;
    expectRefused(await api.raw(line + chunk.repeat(17)), 413, 'body_too_large');
    expect(await api.stored()).toBe(0);
  });
});

describe('a sender', () => {
  it('B69: that goes away while sending stores nothing, and is no fault of ours', async () => {
    const socket = connect(api.port, '127.0.0.1');
    socket.write(`${head(`POST ${SUBMIT} HTTP/1.1`, withKey(), JSON_TYPE, 'Content-Length: 100')}{`);
    await expect.poll(() => connections(api)).toBeGreaterThan(0);
    socket.resetAndDestroy();
    await expect.poll(() => connections(api)).toBe(0);
    expect(await api.stored()).toBe(0);
    expect(api.logged.join('\n')).not.toMatch(/our side|database away/);
  });
});

describe('a request', () => {
  it('B56: with 200 headers is refused', async () => {
    const headers = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`x-${n}`, '1']));
    expectProblem(await api.call('GET', '/healthz', { headers }), 431, 'headers_too_large');
  });

  it.each(['PUT', 'PATCH', 'DELETE', 'TRACE', 'OPTIONS', 'PROPFIND'])(
    'B54: by %s is told what is allowed',
    async (method) => {
      const answer = await api.call(method, SUBMIT);
      expectProblem(answer, 405, 'method_not_allowed');
      expect(answer.headers.allow).toBe('GET, HEAD, POST');
    },
  );

  it('B54: cannot change its method by a header', async () => {
    const headers = { 'x-http-method-override': 'DELETE' };
    expect((await api.call('GET', SUBMIT, { headers })).status).toBe(200);
  });

  it.each([
    '/',
    '/v1',
    '//v1/systems',
    '/v1/systems/',
    '/V1/systems',
    '/v1/%2e%2e/systems',
    '/v1%2fsystems',
    '/v1/systems;x',
  ])('B55: for %s finds nothing', async (path) => {
    expectProblem(await api.call('GET', path, { key: null }), 404, 'not_found');
  });

  it('B55: for a path that cannot be decoded is refused', async () => {
    expectProblem(await api.call('GET', '/v1/%zz', { key: null }), 400, 'url_invalid');
  });

  it('B55: for a URL of 10 KB is refused', async () => {
    expectProblem(await api.call('GET', `${SUBMIT}/${'x'.repeat(10_000)}`), 414, 'url_too_long');
    expectProblem(await api.call('GET', `${SUBMIT}?source=${'x'.repeat(10_000)}`), 414, 'url_too_long');
  });

  it('B59: from another origin gets no leave to read', async () => {
    for (const origin of ['null', 'https://evil.example', 'http://127.0.0.1.evil.example']) {
      const { headers } = await api.call('GET', '/healthz', { headers: { origin } });
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
  });

  it('B67: that wants HTML gets a problem all the same, and may not guess its type', async () => {
    const answer = await api.call('GET', '/v1/nothing', { headers: { accept: 'text/html' } });
    expectProblem(answer, 404, 'not_found');
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
  });

  it('B68: with Range or If-Match is answered as if without', async () => {
    const answer = await api.call('GET', SUBMIT, { headers: { range: 'bytes=0-1', 'if-match': '"x"' } });
    expect(answer.status).toBe(200);
  });
});

describe('an answer', () => {
  it('carries an id, which is also in the log, and no banner', async () => {
    const { headers } = await api.call('GET', '/healthz');
    expect(headers['x-request-id']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    expect(headers['server'] ?? headers['x-powered-by']).toBeUndefined();
    await expect
      .poll(() => api.logged.filter((line) => line.includes(String(headers['x-request-id']))))
      .toHaveLength(1);
  });

  it("carries the caller's own id when it is a UUID, and only then", async () => {
    const own = '7c9e6679-7425-40de-944b-e07fc1f90ae7';
    const asked = async (id: string) =>
      (await api.call('GET', '/healthz', { headers: { 'x-request-id': id } })).headers;
    expect((await asked(own))['x-request-id']).toBe(own);
    expect((await asked('jane@example.org'))['x-request-id']).not.toBe('jane@example.org');
  });

  it('leaves one line in the log, without URL, headers and body', async () => {
    const answer = await api.call('POST', `${SUBMIT}/search`, {
      body: aBody({ subject: { ref: 'jane-in-body' } }),
      headers: { 'x-person': 'jane-in-header' },
    });
    const listed = await api.call('GET', `${SUBMIT}?source=jane-in-query`);
    for (const { headers } of [answer, listed]) {
      const lines = (): string[] => api.logged.filter((line) => line.includes(String(headers['x-request-id'])));
      await expect.poll(lines).toHaveLength(1);
    }
    expect(api.logged.join('\n')).not.toContain('jane');
    expect(api.logged.join('\n')).toContain('"method":"GET","route":"/v1/erasure-requests","status":200');
  });
});
