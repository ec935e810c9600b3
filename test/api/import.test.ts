/** Bulk import over HTTP: what a file makes, what it never makes, and what it makes only once. */
import { request as open } from 'node:http';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/until.js';
import { expectProblem, startApi, SUBMIT } from './test-api.js';
import type { Answer, TestApi } from './test-api.js';

const PATH = `${SUBMIT}/import`;
const HEADER = 'subject_ref,system,organization_id,document_id,external_id';

interface Line {
  readonly line: number;
  readonly id?: string;
  readonly type?: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ unconfigured: ['velt.documents'] });
});
afterAll(() => api.close());

const post = (type: string, body: string | Buffer): Promise<Answer> =>
  api.call('POST', PATH, { headers: { 'content-type': type }, body });

async function lines(type: string, body: string | Buffer): Promise<Line[]> {
  const answer = await post(type, body);
  expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/x-ndjson']);
  expect(answer.text === '' || answer.text.endsWith('\n')).toBe(true);
  return answer.text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}
const csv = (...rows: string[]) => lines('text/csv', [HEADER, ...rows, ''].join('\n'));

const asked = async (id: string | undefined): Promise<unknown[]> => {
  const page: { data: { kind: string; system: string; scope: object; externalId: string }[] } = JSON.parse(
    (await api.call('GET', `${SUBMIT}/${id ?? ''}/items?limit=200`)).text,
  );
  return page.data.map((item) => [item.kind, item.system, item.scope, item.externalId]);
};
const SM = 'supermemory.documents';

describe('a CSV import', () => {
  it('makes one request of neighbouring lines of one subject, in every system', async () => {
    const made = await csv(
      `one,${SM},,,m1`,
      `one,velt.comments,org1,d1,a1`,
      `one,velt.comments,,d1,a2`,
      `one,${SM},,,m2`,
      `one,${SM},,,m1`,
      `two,${SM},,,"a,""b"""`,
      `one,${SM},,,m3`,
    );
    expect(made).toEqual([2, 7, 8].map((line) => ({ line, id: expect.any(String) })));
    expect(await asked(made[0]?.id)).toEqual([
      ['id', SM, {}, 'm1'],
      ['id', SM, {}, 'm2'],
      ['id', 'velt.comments', { organizationId: 'org1', documentId: 'd1' }, 'a1'],
      ['id', 'velt.comments', { documentId: 'd1' }, 'a2'],
    ]);
    expect(await asked(made[1]?.id)).toEqual([['id', SM, {}, 'a,"b"']]);
    const request = JSON.parse((await api.call('GET', `${SUBMIT}/${made[0]?.id}`)).text);
    expect(request).toMatchObject({ source: 'import', subject: { ref: 'one' }, status: 'queued' });
  });

  it('never selects: a line without an ID asks for nothing, whatever else it says', async () => {
    const before = await api.stored();
    const refused = await csv(
      'x,velt.comments,org1,d1,',
      'x,velt.comments,,d1,',
      `x,${SM},,,`,
      `x,${SM},,,""`,
      `,${SM},,,m1`,
      `x,${SM},org1,,m1`,
      `x,${SM},,d1,m1`,
      'x,velt.comments,org1,,a1',
      'x,velt.documents,org1,,d1',
      'x,velt.documents,,,d1',
      'x,nowhere,,,m1',
      `x,${SM},,m1`,
      `x,${SM},,,m1,more`,
    );
    expect(refused.map(({ line, errors }) => [line, ...(errors ?? []).map(({ path }) => path)])).toEqual([
      [2, '/external_id'],
      [3, '/external_id'],
      [4, '/external_id', '/external_id'],
      [5, '/external_id', '/external_id'],
      [6, '/subject_ref'],
      [7, '/organization_id'],
      [8, '/document_id'],
      [9, '/document_id'],
      [10, '/system'],
      [11, '/organization_id'],
      [12, '/system'],
      [13, ''],
      [14, ''],
    ]);
    expect(await api.stored()).toBe(before);
  });

  it('loses nothing to a bad line but that line, and says nothing of its values', async () => {
    const text = `${HEADER}\r\nu1,${SM},,,k1\r\nu1,${SM},,,"secret\r\nu1,${SM},,,k2\r\nu2,${SM},,,\u0000\r\nu2,${SM},,,k3\r\n`;
    const answer = await post('text/csv; charset=utf-8', text);
    expect(answer.text).not.toContain('secret');
    const made: Line[] = answer.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(made.map(({ line, id }) => [line, id !== undefined])).toEqual([
      [3, false],
      [5, false],
      [2, true],
      [6, true],
    ]);
    expect(await asked(made[2]?.id)).toEqual([
      ['id', SM, {}, 'k1'],
      ['id', SM, {}, 'k2'],
    ]);
  });

  it('makes nothing twice of the same file, also when it has grown, and all anew of another', async () => {
    const rows = [`u1,${SM},,,r1`, `u2,${SM},,,r2`];
    const first = await csv(...rows);
    const before = await api.stored();
    const again = first.map((line) => ({ ...line, replayed: true }));
    expect(await csv(...rows)).toEqual(again);
    expect(await lines('text/csv', [HEADER, ...rows].join('\n'))).toEqual(again);
    expect(await api.stored()).toBe(before);
    const grown = await csv(...rows, `u3,${SM},,,r3`);
    expect(grown.slice(0, 2)).toEqual(again);
    expect(grown[2]?.id).toBeDefined();
    const other = await csv(`u0,${SM},,,r0`, ...rows);
    expect(other.map(({ id }) => id)).not.toContain(first[0]?.id);
  });

  it('sent twice at once makes its requests once', async () => {
    const rows = Array.from({ length: 40 }, (_, n) => `t${n},${SM},,,t${n}`);
    const [one, two] = await Promise.all([csv(...rows), csv(...rows)]);
    expect(two.map(({ id }) => id)).toEqual(one.map(({ id }) => id));
  });

  it('without its header is refused, and nothing stored', async () => {
    const before = await api.stored();
    for (const body of [`u1,${SM},,,h1\n`, '', 'subject_ref,system\n', `${HEADER},more\n`]) {
      expect(expectProblem(await post('text/csv', body), 400, 'invalid_input')).toEqual(['']);
    }
    expect(await api.stored()).toBe(before);
    const marked = await lines('text/csv', `\ufeff${HEADER}\nu1,${SM},,,bom\n`);
    expect(marked).toEqual([{ line: 2, id: expect.any(String) }]);
  });
});

describe('an NDJSON import', () => {
  const body = (ref: string, ids: unknown) => JSON.stringify({ subject: { ref }, targets: [{ system: SM, ids }] });

  it('holds every line to the rules of a submission', async () => {
    const made = await lines(
      'application/x-ndjson',
      [
        body('n1', ['n1']),
        '{',
        '',
        body('n2', []),
        body('n2', [7]),
        '{"subject":{"ref":"n"},"subject":{"ref":"m"}}',
        JSON.stringify({
          subject: { ref: 'n4' },
          targets: [{ system: 'velt.documents', organizationId: 'o', documentIds: ['d'] }],
        }),
        body('n3', ['n3']),
      ].join('\r\n'),
    );
    expect(
      made.map(({ line, id, type, errors }) => [line, id !== undefined, type?.split(':').at(-1), errors?.[0]?.path]),
    ).toEqual([
      [1, true, undefined, undefined],
      [2, false, 'json_invalid', undefined],
      [4, false, 'invalid_input', '/targets/0/ids'],
      [5, false, 'invalid_input', '/targets/0/ids/0'],
      [6, false, 'duplicate_key', undefined],
      [7, false, 'not_configured', '/targets/0/system'],
      [8, true, undefined, undefined],
    ]);
    expect(await asked(made[0]?.id)).toEqual([['id', SM, {}, 'n1']]);
  });

  it('makes nothing twice', async () => {
    const text = [body('n5', ['n5']), body('n5', ['n5'])].join('\n');
    const first = await lines('application/x-ndjson', text);
    expect(new Set(first.map(({ id }) => id)).size).toBe(2);
    const again = first.map((line) => ({ ...line, replayed: true }));
    expect(await lines('application/x-ndjson', `${text}\n`)).toEqual(again);
  });
});

describe('an import', () => {
  it('is CSV or NDJSON in UTF-8, and no other route takes those', async () => {
    for (const type of ['application/json', 'text/plain', 'text/csv; charset=latin1']) {
      expectProblem(await post(type, '{}'), 415, 'media_type_unsupported');
    }
    expectProblem(
      await api.call('POST', SUBMIT, { headers: { 'content-type': 'text/csv' }, body: HEADER }),
      415,
      'media_type_unsupported',
    );
  });

  it('needs the scope to write', async () => {
    const key = await api.makeKey(['requests:read']);
    const answer = await api.call('POST', PATH, { headers: { 'content-type': 'text/csv' }, body: `${HEADER}\n`, key });
    expectProblem(answer, 403, 'scope_missing');
  });

  it('answers while the file is still coming, and keeps what it stored when the sender goes away', async () => {
    const source = new Readable({ read() {} });
    const answered: string[] = [];
    const headers = { authorization: `Bearer ${api.adminKey}`, 'content-type': 'text/csv' };
    const sending = open({ port: api.port, path: PATH, method: 'POST', headers }, (answer) => {
      answer
        .on('data', (bytes: Buffer) => answered.push(...bytes.toString().trim().split('\n')))
        .on('error', () => undefined);
    });
    sending.on('error', () => undefined);
    source.pipe(sending);
    source.push(`${HEADER}\n${Array.from({ length: 30 }, (_, n) => `s${n},${SM},,,s${n}\n`).join('')}`);
    await until('the first answers', () => (answered.length >= 20 ? true : undefined));
    sending.destroy();
    const { id }: Line = JSON.parse(answered[0] ?? '{}');
    expect(await asked(id)).toEqual([['id', SM, {}, 's0']]);
    expect((await api.call('GET', '/healthz')).status).toBe(200);
  });
});
