/** The period export over HTTP and, where the moment matters, page by page. */
import { createHash } from 'node:crypto';
import { request as open } from 'node:http';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportPeriod } from '../../src/erasure/export-period.js';
import { shredRequest } from '../../src/erasure/shred-request.js';
import { until } from '../support/until.js';
import { aBody, expectProblem, startApi, SUBMIT } from './test-api.js';
import type { TestApi } from './test-api.js';

const PATH = '/v1/reports/items';
const COLUMNS =
  'request_id,subject_ref,source,system,kind,organization_id,document_id,external_id,outcome,evidence,reason,attempts,received_at,due_at,last_attempt_at,settled_at';
const EVERYTHING = { from: null, to: null, system: null, outcome: null };

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

async function submit(body: Readonly<Record<string, unknown>>): Promise<string> {
  const answer = await api.call('POST', SUBMIT, { body: aBody(body) });
  expect(answer.status).toBe(202);
  return JSON.parse(answer.text).id;
}

const exported = async (query: string): Promise<string> => {
  const answer = await api.call('GET', `${PATH}?${query}`);
  expect(answer.status).toBe(200);
  return answer.text;
};
const day = (n: number) => `2026-03-0${n}T00:00:00Z`;
const supermemory = (...ids: string[]) => [{ system: 'supermemory.documents', ids }];

/** Splits off the last line and holds it against the bytes before it. */
function whole(text: string, newline: '\n' | '\r\n'): { readonly body: string; readonly trailer: string } {
  const lines = text.split(newline);
  expect(lines.pop()).toBe('');
  const trailer = lines.pop() ?? '';
  const body = lines.map((line) => `${line}${newline}`).join('');
  expect(trailer).toContain(createHash('sha256').update(body).digest('hex'));
  return { body, trailer };
}

describe('the period export', () => {
  it('gives one line an item in the columns of the interface, and a last line that counts and hashes them', async () => {
    const targets = [
      {
        system: 'velt.comments',
        organizationId: 'org,1',
        documentId: '=1+1',
        annotationIds: ['a"1', '@cmd', 'line\nbreak'],
      },
      { system: 'velt.comments', documentId: 'd9', locationIds: ['l1'] },
      { system: 'supermemory.documents', containerTags: ['tag'] },
    ];
    const id = await submit({ subject: { ref: '+user' }, receivedAt: day(1), targets });
    const query = `from=${day(1)}&to=${day(2)}`;
    const { body, trailer } = whole(await exported(`${query}&format=csv`), '\r\n');
    expect(body.split('\r\n')[0]).toBe(COLUMNS);
    expect(trailer).toMatch(/^# rows=5 sha256=[0-9a-f]{64}$/);
    const rows: Record<string, string>[] = parse(body, { columns: true });
    expect(rows.map((row) => [row['document_id'], row['organization_id'], row['external_id']])).toEqual([
      ["'=1+1", 'org,1', 'a"1'],
      ["'=1+1", 'org,1', "'@cmd"],
      ["'=1+1", 'org,1', 'line\nbreak'],
      ['d9', '', ''],
      ['', '', 'tag'],
    ]);
    expect(rows[0]).toMatchObject({
      request_id: id,
      subject_ref: "'+user",
      source: 'api',
      system: 'velt.comments',
      kind: 'id',
      outcome: 'pending',
      evidence: '',
      attempts: '0',
      received_at: '2026-03-01T00:00:00.000Z',
      due_at: '2026-04-01T23:59:59.999Z',
      last_attempt_at: '',
      settled_at: '',
    });
    const ndjson = whole(await exported(`${query}&format=ndjson`), '\n');
    const objects = ndjson.body
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(objects.map((row) => row.external_id)).toEqual(['a"1', '@cmd', 'line\nbreak', null, 'tag']);
    expect(Object.keys(objects[0]).join(',')).toBe(COLUMNS);
    expect(JSON.parse(ndjson.trailer)).toEqual({ rows: 5, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  it('holds requests received in [from, to), narrowed by system and outcome', async () => {
    const inside = await submit({ receivedAt: day(3), targets: supermemory('in') });
    await submit({ receivedAt: day(4), targets: supermemory('after') });
    const ids = async (query: string) => {
      const rows: Record<string, string>[] = parse(whole(await exported(query), '\r\n').body, { columns: true });
      return rows.map((row) => row['external_id']);
    };
    expect(await ids(`from=${day(3)}&to=${day(4)}`)).toEqual(['in']);
    expect(await ids(`from=${day(3)}&to=${day(5)}`)).toEqual(['in', 'after']);
    expect(await ids(`from=${day(3)}&to=${day(5)}&system=velt.documents`)).toEqual([]);
    await api.call('POST', `${SUBMIT}/${inside}/cancel`);
    expect(await ids(`from=${day(3)}&to=${day(5)}&outcome=cancelled`)).toEqual(['in']);
  });

  it('of nothing is a head and a last line', async () => {
    const { body, trailer } = whole(await exported(`from=2030-01-01T00:00:00Z`), '\r\n');
    expect([body, trailer.split(' ').slice(0, 2)]).toEqual([`${COLUMNS}\r\n`, ['#', 'rows=0']]);
    expect(whole(await exported(`from=2030-01-01T00:00:00Z&format=ndjson`), '\n').body).toBe('');
  });

  it('names what is wrong with its parameters', async () => {
    for (const [query, path] of [
      ['from=yesterday', '/from'],
      ['to=2026-02-30T00:00:00Z', '/to'],
      [`from=${day(2)}&to=${day(2)}`, '/to'],
      ['format=xlsx', '/format'],
      ['format=../../x', '/format'],
      ['outcome=gone', '/outcome'],
      ['system=velt', '/system'],
      ['limit=1', '/limit'],
    ]) {
      expect(expectProblem(await api.call('GET', `${PATH}?${query}`), 400, 'invalid_input')).toEqual([path]);
    }
  });

  it('needs the scope of reports', async () => {
    expectProblem(await api.call('GET', PATH, { key: await api.makeKey(['requests:read']) }), 403, 'scope_missing');
    expect((await api.call('GET', PATH, { key: await api.makeKey(['reports:read']) })).status).toBe(200);
  });

  it('stands on one snapshot, but for what is shredded meanwhile', async () => {
    const many = Array.from({ length: 2100 }, (_, n) => `m${n}`);
    const period = { ...EVERYTHING, from: new Date('2026-05-01T00:00:00Z'), to: new Date('2026-06-01T00:00:00Z') };
    await submit({ receivedAt: '2026-05-01T00:00:00Z', targets: supermemory(...many) });
    const secret = await submit({
      receivedAt: '2026-05-02T00:00:00Z',
      subject: { ref: 'gone' },
      targets: supermemory('s1'),
    });
    await api.call('POST', `${SUBMIT}/${secret}/cancel`);

    const pages = exportPeriod(api.workplace, period, 'ndjson');
    const first = await pages.next();
    expect(await shredRequest(api.workplace, secret, { abandon: false, actor: 'key_test' })).toEqual({
      kind: 'shredded',
    });
    await submit({ receivedAt: '2026-05-03T00:00:00Z', targets: supermemory('late') });
    let text = String(first.value);
    for await (const bytes of pages) text += bytes.toString();

    const { body, trailer } = whole(text, '\n');
    expect(JSON.parse(trailer).rows).toBe(2101);
    const rows = body
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows.slice(0, 2100).map((row) => row.external_id)).toEqual(many);
    expect(rows.at(-1)).toMatchObject({
      request_id: secret,
      subject_ref: null,
      external_id: null,
      outcome: 'cancelled',
    });
  });

  it('that loses its database is cut without a last line', async () => {
    const ids = Array.from({ length: 8_000 }, (_, n) => `k${n}`);
    await submit({ receivedAt: '2026-06-01T00:00:00Z', targets: supermemory(...ids) });
    const pages = exportPeriod(api.workplace, { ...EVERYTHING, from: new Date('2026-06-01T00:00:00Z') }, 'csv');
    let text = String((await pages.next()).value);
    text += String((await pages.next()).value);
    await api.workplace.database.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where query like 'fetch forward%' and datname = current_database()`,
    );
    const rest = async () => {
      for await (const bytes of pages) text += bytes.toString();
    };
    await expect(rest()).rejects.toThrow();
    expect(text).not.toContain('sha256=');
  });

  it('lets go of its snapshot when its reader goes away, and runs only so many at once', async () => {
    const snapshots = async () => {
      const { rows } = await api.workplace.database.pool.query<{ n: number }>(
        `select count(*)::int as n from pg_stat_activity where state = 'idle in transaction' and query like 'fetch forward%' and datname = current_database()`,
      );
      return rows[0]?.n;
    };
    const wide = 'w'.repeat(900);
    const ids = Array.from({ length: 12_000 }, (_, n) => `${wide}${n}`);
    await submit({ receivedAt: '2026-07-01T00:00:00Z', targets: supermemory(...ids) });
    const stalled = Array.from({ length: 4 }, () => {
      const reading = open({
        port: api.port,
        path: `${PATH}?from=2026-07-01T00:00:00Z`,
        headers: { authorization: `Bearer ${api.adminKey}` },
      });
      reading
        .on('response', (answer) => answer.pause())
        .on('error', () => undefined)
        .end();
      return reading;
    });
    await until('four snapshots', async () => ((await snapshots()) === 4 ? true : undefined));
    const refused = await api.call('GET', PATH);
    expectProblem(refused, 429, 'too_many_exports');
    expect(refused.headers['retry-after']).toMatch(/^\d+$/);
    for (const reading of stalled) reading.destroy();
    await until('no snapshot', async () => ((await snapshots()) === 0 ? true : undefined));
    expect((await api.call('GET', `${PATH}?from=2030-01-01T00:00:00Z`)).status).toBe(200);
  });
});
