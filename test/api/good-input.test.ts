/** What looks dangerous and is allowed: taken in exactly as it is, and found again exactly so. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aBody, startApi, SUBMIT } from './test-api.js';
import type { TestApi } from './test-api.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

async function submit(body: unknown): Promise<{ id: string; location: string; counts: { total: number } }> {
  const answer = await api.call('POST', SUBMIT, { body });
  expect(answer.status).toBe(202);
  const request: { id: string; counts: { total: number } } = JSON.parse(answer.text);
  expect(answer.headers.location).toBe(`${SUBMIT}/${request.id}`);
  return { ...request, location: `${SUBMIT}/${request.id}` };
}

/** Submits these IDs and reads them back. */
async function roundTrip(ids: readonly string[]): Promise<(string | null)[]> {
  const { location } = await submit(aBody({ targets: [{ system: 'supermemory.documents', ids }] }));
  const answer = await api.call('GET', `${location}/items?limit=200`);
  const { data }: { data: { externalId: string | null }[] } = JSON.parse(answer.text);
  return data.map((item) => item.externalId);
}

const ODD_IDS: readonly (readonly [row: string, what: string, id: string])[] = [
  ['B16', 'a blank', ' '],
  ['B16', 'blanks around', ' a '],
  ['B17', 'a dot', '.'],
  ['B17', 'two dots', '..'],
  ['B17', 'encoded dots', '%2e%2e'],
  ['B17', 'a slash', 'a/b'],
  ['B17', 'a path parameter', '..;/x'],
  ['B17', 'a query', 'a?b#c'],
  ['B17', 'a backslash', 'a\\b'],
  ['B20', 'line ends and a tab', 'a\r\n\tb'],
  ['B20', 'DEL and line separators', 'a\u007f\u2028'],
  ['B20', 'a change of direction and a zero width', '\u202ea\u200b'],
  ['B22', '1,024 characters', 'x'.repeat(1024)],
  ['B26', '__proto__', '__proto__'],
  ['B26', 'constructor', 'constructor'],
  ['B31', 'SQL', "'; DROP TABLE item; --"],
  ['B32', 'markup', '<script>alert(1)</script>'],
  ['B33', 'a formula', '=HYPERLINK("http://x")'],
  ['B34', 'a lookup', '${jndi:ldap://x}'],
];

describe('an ID', () => {
  it.each(ODD_IDS)('%s: of %s is kept as it is', async (_row, _what, id) => {
    expect(await roundTrip([id])).toEqual([id]);
  });

  it('B21: in two normal forms is two IDs', async () => {
    const ids = ['\u00e9', 'e\u0301'];
    expect(new Set(await roundTrip(ids))).toEqual(new Set(ids));
  });

  it('B24: that stands twice is one item', async () => {
    expect(await roundTrip(['a', 'a'])).toEqual(['a']);
  });

  it('B34: with a line end cannot begin a line in the log', async () => {
    await roundTrip(['a\n{"level":"fatal"}']);
    expect(api.logged.every((line) => !line.includes('\n') && !line.includes('fatal'))).toBe(true);
  });
});

describe('a body', () => {
  it('B22: counts characters, not bytes and not halves of them', async () => {
    const { id } = await submit(aBody({ subject: { ref: '😀'.repeat(256) }, note: '😀'.repeat(2000) }));
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('B23: of 100,000 IDs is taken in', async () => {
    const ids = Array.from({ length: 100_000 }, (_, n) => `memory-${n}`);
    const { counts } = await submit(aBody({ targets: [{ system: 'supermemory.documents', ids }] }));
    expect(counts.total).toBe(100_000);
  });

  it('may have an empty note', async () => {
    expect((await submit(aBody({ note: '' }))).counts.total).toBe(2);
  });

  it('may say utf-8 in any case, and nothing else of its charset', async () => {
    const answer = await api.call('POST', SUBMIT, {
      body: aBody(),
      headers: { 'content-type': 'Application/JSON; charset="UTF-8"' },
    });
    expect(answer.status).toBe(202);
  });

  it('may name times of any offset', async () => {
    const answer = await api.call('POST', SUBMIT, { body: aBody({ receivedAt: '2026-01-31T23:30:00-02:00' }) });
    expect(JSON.parse(answer.text)).toMatchObject({
      receivedAt: '2026-02-01T01:30:00.000Z',
      dueAt: '2026-03-01T23:59:59.999Z',
    });
  });

  it('with dryRun stores nothing', async () => {
    const before = await api.stored();
    const answer = await api.call('POST', `${SUBMIT}?dryRun=true`, {
      body: aBody(),
      headers: { 'idempotency-key': 'k' },
    });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({ dryRun: true, items: 2, calls: 1 });
    expect(await api.stored()).toBe(before);
  });
});
