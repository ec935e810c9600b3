import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startTestService } from '../support/service.js';
import type { InstallationOptions, TestService } from '../support/service.js';
import { until } from '../support/until.js';

const MEMORIES = 'supermemory.documents';
const DOCUMENTS = 'velt.documents';
const COMMENTS = 'velt.comments';
const EVERYTHING = { existingPrefixes: { [DOCUMENTS]: ['d'], [COMMENTS]: ['a'], [MEMORIES]: ['m'] } };
const SYSTEMS = [
  { system: DOCUMENTS, organizationId: 'org1', documentIds: ['d1', 'd2'] },
  { system: COMMENTS, documentId: 'x1', annotationIds: ['a1', 'a2'] },
  { system: MEMORIES, ids: ['m1', 'm2'] },
];

/** The same with IDs that no case before had: what one left behind is none of the next one's. */
function systems(no: number) {
  return [
    { system: DOCUMENTS, organizationId: 'org1', documentIds: [`d${no}-1`, `d${no}-2`] },
    { system: COMMENTS, documentId: `x${no}`, annotationIds: [`a${no}-1`, `a${no}-2`] },
    { system: MEMORIES, ids: [`m${no}-1`, `m${no}-2`] },
  ];
}

let service: TestService;
let cases = 0;
const close = async (): Promise<void> => service.installation.close();
async function started(options: InstallationOptions = {}): Promise<TestService> {
  service = await startTestService({
    sandbox: { seed: EVERYTHING },
    env: { PROVIDER_TIMEOUT_MS: '400', RETRY_BASE_MS: '5' },
    ...options,
  });
  return service;
}

describe('a redirect', () => {
  beforeAll(async () => void (await started()));
  afterEach(() => service.sandbox.faults.clear());
  afterAll(close);

  it.each(['301', '302', '303', '307', '308'])(
    '(%s) is never followed: no credentials travel, the contract is blocked',
    async (status) => {
      const { api, sandbox } = service;
      sandbox.faults.always(`redirect:${status}`);
      const { id } = await api.submit({ targets: systems((cases += 1)) });
      const blocked = await until('all systems to be blocked', async () => {
        const { blockedBy } = await api.request(id);
        return blockedBy.length === 3 ? blockedBy : undefined;
      });
      expect(new Set(blocked.map(({ reason }) => reason))).toEqual(new Set(['contract']));
      sandbox.faults.clear();
      expect((await api.settled(id)).counts).toMatchObject({ erased: 6 });
      expect(sandbox.ledger.leaks()).toEqual([]);
      expect(sandbox.ledger.calls().filter(({ system }) => system === null)).toEqual([]);
    },
  );
});

describe('an answer that is none', () => {
  beforeAll(async () => void (await started()));
  afterEach(() => service.sandbox.faults.clear());
  afterAll(close);

  it.each([
    'gzip-bomb',
    'huge',
    'html',
    'empty',
    'garbage',
    'truncated-json',
    'not-object',
    'not-object:null',
    'not-object:[]',
    'not-object:true',
    'error-200',
    '200:html',
    '204',
    'slow-body:400',
    'error-and-result',
  ])('(%s) is no success at any system', async (fault) => {
    const { api, sandbox, sql } = service;
    for (const { system } of SYSTEMS) sandbox.faults.next(1, fault, system as typeof COMMENTS);
    const { id } = await api.submit({ targets: systems((cases += 1)) });
    await api.settled(id);
    const deleted = !['html', 'error-200'].includes(fault);
    for (const item of await api.items(id)) {
      expect(item.outcome).toBe('erased');
      expect(item.evidence === 'repeat', `${item.system} ${item.evidence}`).toBe(deleted);
      expect(item.attempts).toBeGreaterThanOrEqual(2);
    }
    const proofs = await sql(
      `with mine as (select a.* from attempt a where exists (
          select from attempt_part p where p.attempt_id = a.id and p.request_id = $1))
        select from item i join mine a on a.id = i.proof_id
        where i.request_id = $1 and a.started_at = (select min(b.started_at) from mine b where b.system = a.system)`,
      [id],
    );
    expect(proofs).toEqual([]);
  });

  it.each(['duplicate-keys', 'wrong-type'])('(%s for one ID) says nothing of that ID', async (fault) => {
    const { api } = service;
    cases += 1;
    const no = cases;
    const poor = (id: string) => `${id}~fault:${fault}*1~`;
    const request = await api.erase([
      { system: DOCUMENTS, organizationId: 'org1', documentIds: [poor(`d${no}-1`), `d${no}-2`] },
      { system: COMMENTS, documentId: `x${no}`, annotationIds: [poor(`a${no}-1`), `a${no}-2`] },
      { system: MEMORIES, ids: [poor(`m${no}-1`), `m${no}-2`] },
    ]);
    for (const item of await api.items(request.id)) {
      if (item.externalId?.includes('~')) expect(item).toMatchObject({ outcome: 'erased', evidence: 'repeat' });
    }
  });
});

describe('warnings', () => {
  afterEach(close);

  it('all_absent stands for each system at which nothing was seen to exist, erased by repetition alone included', async () => {
    const { api, sandbox } = await started({ sandbox: { seed: { existingPrefixes: { [COMMENTS]: ['a'] } } } });
    sandbox.faults.next(1, '504-after', MEMORIES);
    const request = await api.erase([
      ...SYSTEMS,
      { system: MEMORIES, containerTags: ['nobody'] },
      { system: COMMENTS, documentId: 'x1', annotationIds: ['nobody'] },
    ]);
    expect(request.status).toBe('completed');
    expect(request.warnings.map(({ code, system }) => `${code} ${system}`).sort()).toEqual(
      [`all_absent ${MEMORIES}`, `all_absent ${DOCUMENTS}`].sort(),
    );
  });

  it('all_absent stands on what a wrong environment answers', async () => {
    const { api } = await started({
      sandbox: { seed: EVERYTHING, emptyEnvironmentKeys: ['sm_wrong'] },
      env: { SUPERMEMORY_API_KEY: 'sm_wrong' },
    });
    const request = await api.erase([SYSTEMS[2] ?? {}]);
    expect(request).toMatchObject({
      counts: { already_absent: 2 },
      warnings: [{ code: 'all_absent', system: MEMORIES }],
    });
  });

  it('stranger, count_mismatch and also_requested stand on every request of the call, once', async () => {
    const { api, sandbox } = await started({ env: { BATCH_LINGER_MS: '800', RETRY_BASE_MS: '5' } });
    sandbox.faults.add({
      rules: [
        { fault: 'stranger', system: DOCUMENTS, times: 1 },
        { fault: 'count-low', system: MEMORIES, times: 2 },
      ],
    });
    const first = await api.submit({ targets: SYSTEMS });
    const second = await api.submit({ subject: { ref: 'other' }, targets: SYSTEMS });
    await Promise.all([api.settled(first.id), api.settled(second.id)]);
    const codes = async (id: string) =>
      (await api.request(id)).warnings.map(({ code, system }) => `${code} ${system}`).sort();
    const both = [`count_mismatch ${MEMORIES}`, `stranger ${DOCUMENTS}`];
    expect(await codes(first.id)).toEqual([`all_absent ${MEMORIES}`, ...both]);
    expect(await codes(second.id)).toEqual(
      [`all_absent ${MEMORIES}`, ...both, ...SYSTEMS.map(({ system }) => `also_requested ${system}`)].sort(),
    );
  });
});
