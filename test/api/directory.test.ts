/** The subject directory over HTTP, and submissions that name no targets. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dumpSchema } from '../support/dump.js';
import { aBody, expectProblem, startApi, SUBMIT } from './test-api.js';
import type { Answer, TestApi } from './test-api.js';

const DIRECTORY = '/v1/subject-directory';
const TARGETS = [
  { system: 'velt.comments', documentId: 'd1', locationIds: ['l2', 'l1'] },
  { system: 'supermemory.documents', ids: ['m1', ' m2 ', '__proto__'] },
  { system: 'supermemory.documents', containerTags: ['tag'] },
];

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ unconfigured: ['velt.documents'] });
});
afterAll(() => api.close());

const put = (ref: string, targets: unknown = TARGETS) =>
  api.call('PUT', DIRECTORY, { body: { subject: { ref }, targets } });
const about = (verb: 'lookup' | 'forget', ref: string) =>
  api.call('POST', `${DIRECTORY}/${verb}`, { body: { subject: { ref } } });
const submit = (ref: string, key?: string, query = ''): Promise<Answer> =>
  api.call('POST', `${SUBMIT}${query}`, {
    body: { subject: { ref } },
    ...(key === undefined ? {} : { headers: { 'idempotency-key': key } }),
  });
const idsOf = async (answer: Answer): Promise<(string | null)[]> => {
  const { id }: { id: string } = JSON.parse(answer.text);
  const { data }: { data: { externalId: string | null }[] } = JSON.parse(
    (await api.call('GET', `${SUBMIT}/${id}/items`)).text,
  );
  return data.map(({ externalId }) => externalId);
};
const memories = (...ids: string[]) => [{ system: 'supermemory.documents', ids }];

describe('what is told of a subject', () => {
  it('is given back as it was told, to who asks for that very reference', async () => {
    const told = await put('Ann');
    expect(told.status).toBe(200);
    expect(JSON.parse(told.text)).toMatchObject({ subject: { ref: 'Ann' }, targets: TARGETS });
    const found = await about('lookup', 'Ann');
    expect([found.status, found.text]).toEqual([200, told.text]);
    for (const other of ['ann', 'Ann ', 'Bob']) expectProblem(await about('lookup', other), 404, 'not_found');
  });

  it('takes the place of all that was told before', async () => {
    await put('Carl');
    await put('Carl', memories('only'));
    expect(JSON.parse((await about('lookup', 'Carl')).text)).toMatchObject({ targets: memories('only') });
  });

  it('is whole, whoever tells at the same time', async () => {
    const versions = Array.from({ length: 12 }, (_, no) =>
      memories(...Array.from({ length: 50 }, (_x, at) => `${no}-${at}`)),
    );
    const told = await Promise.all(versions.map((targets) => put('Dora', targets)));
    expect(told.map(({ status }) => status)).toEqual(versions.map(() => 200));
    const { targets }: { targets: unknown } = JSON.parse((await about('lookup', 'Dora')).text);
    expect(versions).toContainEqual(targets);
    const { rows } = await api.workplace.database.pool.query('select from directory_entry');
    expect(rows).toHaveLength(3);
  });

  it('is forgotten when that is asked, known or not', async () => {
    await put('Eve');
    for (const times of ['known', 'not known']) {
      const answer = await about('forget', 'Eve');
      expect([times, answer.status, answer.text]).toEqual([times, 204, '']);
    }
    expectProblem(await about('lookup', 'Eve'), 404, 'not_found');
  });

  it('stands nowhere in clear', async () => {
    await put('ref-canary-7', memories('id-canary-7'));
    const tables = await dumpSchema(api.workplace.database.pool, 'public');
    expect(tables).toContain('directory_entry');
    expect(tables).not.toMatch(/canary-7/);
    expect(api.logged.join('\n')).not.toMatch(/canary-7/);
  });

  it.each([
    ['/targets', undefined, 400, 'invalid_input'],
    ['/targets', [], 400, 'invalid_input'],
    ['/targets', 'all', 400, 'invalid_input'],
    ['/targets/0/ids', [{ system: 'supermemory.documents', ids: [] }], 400, 'invalid_input'],
    ['/targets/1/system', [...memories('m'), { system: 'toString' }], 400, 'invalid_input'],
    ['/targets/0/userIds', [{ system: 'velt.comments', documentId: 'd', userIds: [] }], 400, 'invalid_input'],
    [
      '/targets/0/system',
      [{ system: 'velt.documents', organizationId: 'o', documentIds: ['d'] }],
      422,
      'not_configured',
    ],
  ])(
    'with a wrong %s is refused as a submission would be, and what was known stays',
    async (path, targets, status, slug) => {
      await put('Fred', memories('kept'));
      const body = { subject: { ref: 'Fred' }, targets };
      expect(expectProblem(await api.call('PUT', DIRECTORY, { body }), status, slug)).toEqual([path]);
      const submitted = targets === undefined ? null : await api.call('POST', SUBMIT, { body });
      if (submitted !== null) expect(expectProblem(submitted, status, slug)).toEqual([path]);
      expect(JSON.parse((await about('lookup', 'Fred')).text)).toMatchObject({ targets: memories('kept') });
    },
  );

  it('names at most 100,000 IDs', async () => {
    const ids = Array.from({ length: 100_001 }, (_, no) => `${no}`);
    expectProblem(await put('Gus', memories(...ids)), 413, 'too_many_ids');
    expectProblem(await about('lookup', 'Gus'), 404, 'not_found');
  });
});

describe('a submission without targets', () => {
  it('asks for all that is known of the subject', async () => {
    await put('Hal');
    const answer = await submit('Hal');
    expect(answer.status).toBe(202);
    expect(JSON.parse(answer.text)).toMatchObject({ subject: { ref: 'Hal' }, counts: { total: 5, pending: 5 } });
    expect(new Set(await idsOf(answer))).toEqual(new Set([null, 'm1', ' m2 ', '__proto__', 'tag']));
  });

  it('is a copy: what is told or forgotten later does not touch it', async () => {
    await put('Ida', memories('first'));
    const answer = await submit('Ida');
    await put('Ida', memories('second'));
    expect(await idsOf(answer)).toEqual(['first']);
    await about('forget', 'Ida');
    expect(await idsOf(answer)).toEqual(['first']);
  });

  it('is refused when nothing is known, and nothing is stored', async () => {
    await put('Jo');
    await about('forget', 'Jo');
    const before = await api.stored();
    expectProblem(await submit('Jo'), 422, 'unknown_subject');
    expectProblem(await submit('Jo', 'jo-1'), 422, 'unknown_subject');
    expectProblem(await submit('Jo', undefined, '?dryRun=true'), 422, 'unknown_subject');
    expect(await api.stored()).toBe(before);
    await put('Jo', memories('late'));
    expect((await submit('Jo', 'jo-1')).status).toBe(202);
  });

  it('with targets does not look into the directory', async () => {
    await put('Kim', memories('known'));
    const answer = await api.call('POST', SUBMIT, { body: aBody({ subject: { ref: 'Kim' } }) });
    expect(await idsOf(answer)).toEqual(['m1', 'm2']);
  });

  it('gets its first answer again under its key, whatever is known by then', async () => {
    await put('Leo', memories('first'));
    const first = await submit('Leo', 'leo-1');
    await put('Leo', memories('second'));
    const second = await submit('Leo', 'leo-1');
    await about('forget', 'Leo');
    const third = await submit('Leo', 'leo-1');
    expect([second.text, third.text]).toEqual([first.text, first.text]);
    expect(third.headers['idempotency-replayed']).toBe('true');
  });

  it('sent many times at once under one key makes one request', async () => {
    await put('Mia', memories('m'));
    const answers = await Promise.all(Array.from({ length: 20 }, () => submit('Mia', 'mia-1')));
    const accepted = answers.filter(({ status }) => status === 202);
    expect(answers.filter(({ status }) => status !== 202 && status !== 409)).toEqual([]);
    expect(new Set(accepted.map(({ text }) => text)).size).toBe(1);
  });

  it('takes one version whole while others replace it', async () => {
    await put('Ned', memories('0-a', '0-b', '0-c'));
    const [answers] = await Promise.all([
      Promise.all(Array.from({ length: 8 }, () => submit('Ned'))),
      Promise.all(Array.from({ length: 8 }, (_, no) => put('Ned', memories(`${no}-a`, `${no}-b`, `${no}-c`)))),
    ]);
    for (const answer of answers) {
      const ids = await idsOf(answer);
      expect(new Set(ids.map((id) => id?.split('-')[0])).size).toBe(1);
      expect(ids).toHaveLength(3);
    }
  });

  it('that is only tried out says what would be made', async () => {
    await put('Ole', memories('a', 'b'));
    const before = await api.stored();
    const answer = await submit('Ole', undefined, '?dryRun=true');
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({
      dryRun: true,
      items: 2,
      systems: [{ system: 'supermemory.documents' }],
    });
    expect(await api.stored()).toBe(before);
  });
});
