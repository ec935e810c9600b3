import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { previewRequest } from '../../src/erasure/preview-request.js';
import { Intake } from '../../src/erasure/intake.js';
import { realWorkplace, target } from './real-workplace.js';
import type { RealWorkplace } from './real-workplace.js';

const ids = (count: number) => Array.from({ length: count }, (_, no) => `id${no}`);
function submission(...targets: object[]): Parameters<typeof previewRequest>[1] {
  return {
    subjectRef: 'user_42',
    receivedAt: new Date('2026-01-31T10:00:00Z'),
    note: null,
    targets: targets.map(target),
  };
}

describe('a dry run', () => {
  let place: RealWorkplace;
  beforeAll(async () => {
    place = await realWorkplace();
  });
  afterAll(() => place.close());
  const preview = (...targets: object[]) => previewRequest(place.workplace, submission(...targets));

  it('counts items and calls per system as a submission would make them, and stores nothing', async () => {
    const seen = await preview(
      { system: 'velt.documents', organizationId: 'o', documentIds: ids(61) },
      { system: 'velt.documents', organizationId: 'p', documentIds: ids(1) },
      { system: 'velt.documents', organizationId: 'o', documentIds: ids(61) },
      { system: 'supermemory.documents', ids: ids(100) },
      { system: 'supermemory.documents', containerTags: ['t', 'u'] },
    );
    expect(seen).toMatchObject({
      dryRun: true,
      subject: { ref: 'user_42' },
      receivedAt: '2026-01-31T10:00:00.000Z',
      dueAt: '2026-02-28T23:59:59.999Z',
      items: 164,
      calls: 7,
      systems: [
        { system: 'velt.documents', items: 62, calls: 4, selectors: [] },
        { system: 'supermemory.documents', items: 102, calls: 3 },
      ],
      warnings: [],
    });
    for (const table of ['erasure_request', 'item', 'sealed_block', 'request_key']) {
      expect(await place.query(`select from ${table}`)).toEqual([]);
    }
  });

  it('says in words what each selector would delete', async () => {
    const seen = await preview(
      { system: 'velt.comments', organizationId: 'o"', documentId: 'd' },
      { system: 'velt.comments', documentId: 'd', locationIds: ['l2', 'l1'], userIds: ['u'] },
      { system: 'supermemory.documents', containerTags: ['__proto__'] },
    );
    expect(seen.systems.map(({ selectors }) => selectors)).toEqual([
      [
        'Velt comments: everything whose organizationId is "o\\"" and whose documentId is "d"',
        'Velt comments: everything whose documentId is "d" and whose locationIds is one of "l1", "l2" and whose userIds is one of "u"',
      ],
      [expect.stringContaining('container tag is "__proto__"')],
    ]);
  });

  it('agrees with the submission that follows, and warns of what an earlier request holds', async () => {
    const targets = [
      { system: 'velt.comments', documentId: 'd', annotationIds: ['a', 'b', 'a'] },
      { system: 'velt.comments', documentId: 'd', userIds: ['u', 'v'] },
      { system: 'velt.comments', documentId: 'd', userIds: ['v', 'u'] },
    ];
    const before = await preview(...targets);
    const submitted = await new Intake(place.workplace).submit(
      submission(...targets),
      { actor: 'me', source: 'api' },
      null,
    );
    expect(submitted.kind).toBe('accepted');
    expect(before.items).toBe((await place.query('select from item')).length);
    expect(before.warnings).toEqual([]);
    expect((await preview(...targets)).warnings).toEqual([{ code: 'also_requested', system: 'velt.comments' }]);
  });
});
