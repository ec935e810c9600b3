/** Reports as an auditor gets them: of one request, and of a period. */
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/core/report-words.js';
import { issueReport } from '../../src/erasure/issue-report.js';
import { pdfText } from '../support/pdf-text.js';
import { aBody, expectProblem, startApi, SUBMIT } from './test-api.js';
import type { Answer, TestApi } from './test-api.js';

interface Row {
  readonly [name: string]: unknown;
}
interface Report {
  readonly format: string;
  readonly interim: boolean;
  readonly conclusion: readonly string[];
  readonly request: Row;
  readonly deadline: Row;
  readonly counts: Row;
  readonly systems: readonly Row[];
  readonly warnings: readonly Row[];
  readonly limits: readonly string[];
  readonly integrity: Row;
  readonly exceptions: readonly Row[];
  readonly items: readonly Row[];
  readonly attempts: readonly Row[];
  readonly end: Row;
}

const FORMULA = '=HYPERLINK("http://x")';
const NASTY = 'doc-議事録 שלום, "q"\r\n\u0007';
let api: TestApi;
let id: string;

async function submitted(changes: Readonly<Record<string, unknown>>): Promise<string> {
  const answer = await api.call('POST', SUBMIT, { body: aBody(changes) });
  expect(answer.status).toBe(202);
  const made: { id: string } = JSON.parse(answer.text);
  return made.id;
}
const reportOf = (of: string, query = ''): Promise<Answer> => api.call('GET', `${SUBMIT}/${of}/report${query}`);
async function jsonOf(of: string): Promise<Report> {
  const answer = await reportOf(of);
  expect(answer.status).toBe(200);
  const report: Report = JSON.parse(answer.text);
  return report;
}
/** Stands in for the workers: settles every pending item of a request as refused. */
async function refuseAll(of: string): Promise<void> {
  const text = `update item set outcome = 'failed', reason = 'denied', settled_at = now() where request_id = $1`;
  await api.workplace.database.pool.query(text, [of]);
}

beforeAll(async () => {
  api = await startApi();
  id = await submitted({
    subject: { ref: 'ada@example.org' },
    note: 'ticket with a name',
    receivedAt: '2026-01-31T10:00:00Z',
    targets: [
      { system: 'velt.documents', organizationId: 'acme', documentIds: [FORMULA, NASTY, "'quoted"] },
      { system: 'velt.comments', documentId: 'd9', userIds: ['u1'] },
    ],
  });
});
afterAll(() => api.close());

describe('the report of a request as JSON', () => {
  it('says who asked what, when it is due and by which rule, and that it is not settled', async () => {
    const report = await jsonOf(id);
    expect(report).toMatchObject({
      format: 'expunge-request-report/1',
      interim: true,
      request: { id, status: 'queued', subject: { ref: 'ada@example.org' }, source: 'api', settledAt: null },
      deadline: { dueAt: '2026-02-28T23:59:59.999Z', overdue: true, inTime: false },
      counts: { total: 4, pending: 4, erased: 0 },
      exceptions: [],
      attempts: [],
      end: { items: 4, attempts: 0, exceptions: 0, changedMeanwhile: false },
      integrity: { treeSize: expect.any(Number), verify: expect.stringContaining('npm run verify') },
    });
    expect(report.request['actor']).toMatch(/^key_/);
    expect(report.deadline['rule']).toContain('1182/71');
    expect(report.limits).toEqual(LIMITS);
    expect(report.conclusion[0]).toMatch(/^INTERIM: 4 of 4/);
    expect(report.systems.map(({ system, items }) => [system, items])).toEqual([
      ['velt.comments', 1],
      ['velt.documents', 3],
    ]);
    expect(report.items.map(({ externalId }) => externalId)).toEqual([FORMULA, NASTY, "'quoted", null]);
  });

  it("repeats neither the note nor the provider's own words", async () => {
    const { text } = await reportOf(id);
    expect(text).not.toContain('ticket with a name');
    expect(text).not.toMatch(/providerMessage|providerId|"note"/);
  });

  it('comes as a file whose name nobody chose', async () => {
    for (const [format, type] of [
      ['json', 'application/json; charset=utf-8'],
      ['csv', 'text/csv; charset=utf-8; header=present'],
      ['pdf', 'application/pdf'],
    ]) {
      const { headers } = await reportOf(id, `?format=${format}`);
      expect(headers['content-type']).toBe(type);
      expect(headers['content-disposition']).toBe(`attachment; filename="erasure-report-${id}.${format}"`);
      expect(headers['cache-control']).toBe('no-store');
    }
  });

  it('lists what a person closed, and is no longer interim once nothing is pending', async () => {
    const settled = await submitted({});
    await refuseAll(settled);
    const [first] = (await jsonOf(settled)).items;
    const body = { resolution: 'waived', reason: 'Legal hold' };
    const resolve = `${SUBMIT}/${settled}/items/${String(first?.['id'])}/resolve`;
    expect((await api.call('POST', resolve, { body })).status).toBe(200);
    const report = await jsonOf(settled);
    expect(report).toMatchObject({
      interim: false,
      deadline: { inTime: true, overdue: false, daysLeft: null },
      counts: { failed: 2, resolvedByHand: 1 },
      exceptions: [{ id: first?.['id'], outcome: 'failed', resolution: 'waived', resolutionReason: 'Legal hold' }],
      warnings: [{ code: 'resolved_by_hand' }],
    });
    expect(report.conclusion.join(' ')).toContain('The request is not complete. Waiting for a person: 1.');
  });

  it('holds no personal value once the key is destroyed, in any format', async () => {
    const gone = await submitted({
      subject: { ref: 'zoe-the-subject' },
      targets: [{ system: 'supermemory.documents', ids: ['zoe-memory'] }],
    });
    await refuseAll(gone);
    await api.workplace.database.pool.query('delete from request_key where request_id = $1', [gone]);
    const report = await jsonOf(gone);
    expect(report.request['subject']).toBeNull();
    expect(report.items).toMatchObject([{ externalId: null, scope: null, outcome: 'failed' }]);
    const csv = await reportOf(gone, '?format=csv');
    const pdf = await pdfText((await reportOf(gone, '?format=pdf')).bytes);
    for (const text of [JSON.stringify(report), csv.text, pdf.text]) expect(text).not.toContain('zoe');
    expect(pdf.text).toContain('destroyed');
  });

  it('says when the request changed while it was written', async () => {
    const changing = await submitted({});
    const report = await issueReport(api.workplace, changing, null);
    if (report.kind !== 'issued') throw new Error('no report');
    expect(await report.hasChanged()).toBe(false);
    await refuseAll(changing);
    expect(await report.hasChanged()).toBe(true);
  });

  it('carries the checkpoint that it is given', async () => {
    const integrity = { treeSize: 12, root: 'cm9vdA==', checkpoint: 'log\n12\ncm9vdA==\n', keyId: 'log+1' };
    const report = await issueReport(api.workplace, id, integrity);
    expect(report).toMatchObject({
      head: { integrity: { ...integrity, verify: expect.stringContaining('npm run verify') } },
    });
  });
});

describe('the report of a request as CSV', () => {
  it('has a line for each item, in RFC 4180, and no cell that a spreadsheet would run', async () => {
    const { text } = await reportOf(id, '?format=csv');
    expect(text.endsWith('\r\n')).toBe(true);
    const rows: Record<string, string>[] = parse(text, { columns: true, record_delimiter: '\r\n' });
    expect(rows.map(({ external_id: external }) => external)).toEqual([`'${FORMULA}`, NASTY, "''quoted", '']);
    expect(rows[0]).toMatchObject({
      request_id: id,
      interim: 'true',
      subject_ref: 'ada@example.org',
      organization_id: 'acme',
      scope: '{"organizationId":"acme"}',
      outcome: 'pending',
      due_at: '2026-02-28T23:59:59.999Z',
    });
    expect(rows[3]).toMatchObject({
      kind: 'selector',
      document_id: 'd9',
      scope: '{"documentId":"d9","userIds":["u1"]}',
    });
  });
});

describe('the report of a request as PDF', () => {
  it('shows the answer, the items in any script, what is not attested, and numbers its pages', async () => {
    const { pages, text, title } = await pdfText((await reportOf(id, '?format=pdf')).bytes);
    expect(title).toBe(`Erasure report ${id}`);
    for (const part of [
      'Interim report: 4 of 4 items are not settled',
      'ada@example.org',
      '2026-02-28 23:59:59 UTC (overdue)',
      'doc-議事録',
      '\\u{7}',
      'all that match',
      'What this report attests, and what not',
      'npm run verify',
      `Page 1 of ${pages.length}`,
      'INTERIM: NOT SETTLED',
    ])
      expect(text).toContain(part);
    expect(text).not.toContain('\u0007');
  });
});

describe('a report of many items', () => {
  it('holds all of them in JSON and CSV, and in the PDF says how many it leaves out', async () => {
    const ids = Array.from({ length: 1203 }, (_, index) => `mem-${index}`);
    const many = await submitted({ targets: [{ system: 'supermemory.documents', ids }] });
    const report = await jsonOf(many);
    expect(report.items.map(({ externalId }) => externalId)).toEqual(ids);
    expect(report.end).toMatchObject({ items: 1203 });
    const csv = await reportOf(many, '?format=csv');
    expect(csv.text.trimEnd().split('\r\n')).toHaveLength(1204);
    const { text, pages } = await pdfText((await reportOf(many, '?format=pdf')).bytes);
    expect(text).toContain('500 of 1203 are printed, and 703 are not');
    expect(pages.length).toBeGreaterThan(10);
    expect(pages.filter((page) => page.includes('Last call (UTC)')).length).toBeGreaterThan(10);
  });
});

describe('a report that cannot be had', () => {
  it('is refused by the name of what is wrong', async () => {
    expect(expectProblem(await reportOf(id, '?format=xml'), 400, 'invalid_input')).toEqual(['/format']);
    expect(expectProblem(await reportOf(id, '?format='), 400, 'invalid_input')).toEqual(['/format']);
    expect(expectProblem(await reportOf(id, '?page=2'), 400, 'invalid_input')).toEqual(['/page']);
    expectProblem(await reportOf('01890000-0000-7000-8000-000000000000'), 404, 'not_found');
    expectProblem(await reportOf('nobody'), 400, 'id_invalid');
  });
});

describe('a report that breaks off', () => {
  it('ends its connection, so that nobody takes it for whole, and is logged once without the words of others', async () => {
    const broken = await startApi();
    const made: { id: string } = JSON.parse((await broken.call('POST', SUBMIT, { body: aBody() })).text);
    await broken.workplace.database.pool.query('alter table item rename column matched to lost');
    await expect(broken.call('GET', `${SUBMIT}/${made.id}/report`)).rejects.toThrow(/aborted|ECONNRESET|hang up/);
    await broken.close();
    const faults = broken.logged.filter((line) => line.includes('broke off'));
    expect(faults).toHaveLength(1);
    expect(faults[0] ?? '').not.toMatch(/column|does not exist|findMany\(\)/i);
  });
});
