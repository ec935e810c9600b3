import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ItemResource } from '../../src/store/read-items.js';
import type { RequestResource } from '../../src/store/read-requests.js';
import { describeQueues } from '../support/queues.js';
import { startTestService } from '../support/service.js';
import type { TestService } from '../support/service.js';
import { ABSENT, ERASED, facts, MAIN_JOB_SEED, MAIN_JOB_TARGETS, VELT_SAYS } from './main-job-data.js';

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const SHA256 = /^[0-9a-f]{64}$/;

describeQueues('the main job', (queue) => {
  let service: TestService;
  let request: RequestResource;
  let items: ItemResource[];

  beforeAll(async () => {
    service = await startTestService({ queue, sandbox: { seed: MAIN_JOB_SEED } });
    request = await service.api.erase(MAIN_JOB_TARGETS, {
      note: 'ticket 8841',
      receivedAt: '2026-01-31T23:30:00-02:00',
    });
    items = await service.api.items(request.id);
  });
  afterAll(async () => service.installation.close());

  it('answers the request as it stands in the end', () => {
    expect(request).toEqual({
      id: expect.stringMatching(UUID_V7),
      status: 'attention',
      subject: { ref: 'user_42' },
      note: 'ticket 8841',
      source: 'api',
      actor: expect.any(String),
      receivedAt: '2026-02-01T01:30:00.000Z',
      dueAt: '2026-03-01T23:59:59.999Z',
      createdAt: expect.stringMatching(TIME),
      settledAt: expect.stringMatching(TIME),
      shreddedAt: null,
      held: null,
      counts: {
        total: 17,
        pending: 0,
        erased: 12,
        already_absent: 3,
        nothing_matched: 1,
        unconfirmed: 0,
        failed: 1,
        cancelled: 0,
      },
      blockedBy: [],
      warnings: [],
    });
  });

  it('ends every ID submitted with an outcome of its own', () => {
    const documents = { system: 'velt.documents', kind: 'id', scope: { organizationId: 'org1' } };
    const comments = { ...documents, system: 'velt.comments', scope: { organizationId: 'org1', documentId: 'd3' } };
    const memories = { ...documents, system: 'supermemory.documents', scope: {}, providerId: null };
    const located = { organizationId: 'org1', documentId: 'd3', locationIds: ['l1'] };
    expect(items.filter(({ kind }) => kind === 'id').map(facts)).toEqual([
      {
        ...documents,
        externalId: 'd1',
        ...ERASED,
        providerId: expect.any(String),
        providerMessage: VELT_SAYS,
        attempts: 1,
      },
      {
        ...documents,
        externalId: 'd2',
        ...ERASED,
        providerId: expect.any(String),
        providerMessage: VELT_SAYS,
        attempts: 1,
      },
      {
        ...documents,
        externalId: 'nowhere',
        ...ABSENT,
        providerId: expect.any(String),
        providerMessage: 'Document does not exist',
        attempts: 1,
      },
      { ...comments, externalId: 'a1', ...ERASED, providerId: 'a1', providerMessage: VELT_SAYS, attempts: 1 },
      {
        ...comments,
        externalId: 'missing',
        ...ABSENT,
        providerId: 'missing',
        providerMessage: 'Annotation not found.',
        attempts: 1,
      },
      {
        ...comments,
        scope: located,
        externalId: 'a2',
        ...ERASED,
        providerId: 'a2',
        providerMessage: VELT_SAYS,
        attempts: 1,
      },
      { ...memories, externalId: 'm1', ...ERASED, evidence: 'reconciled', providerMessage: null, attempts: 1 },
      { ...memories, externalId: 'm2', ...ERASED, evidence: 'reconciled', providerMessage: null, attempts: 1 },
      { ...memories, externalId: 'm9', ...ABSENT, providerMessage: 'Memory not found', attempts: 1 },
      {
        ...memories,
        externalId: 'poor~fault:denied~',
        ...ERASED,
        outcome: 'failed',
        evidence: null,
        reason: 'denied',
        providerMessage: 'Permission denied',
        attempts: 1,
      },
    ]);
  });

  it('ends every selector with what it matched', () => {
    const comments = {
      system: 'velt.comments',
      kind: 'selector',
      externalId: null,
      providerId: null,
    };
    expect(items.filter(({ kind }) => kind === 'selector').map(facts)).toEqual([
      {
        ...comments,
        ...ERASED,
        scope: { documentId: 'd9', locationIds: ['l1'], userIds: ['u1'] },
        matched: 1,
        attempts: 2,
        providerMessage: expect.any(String),
      },
      {
        ...comments,
        ...ERASED,
        scope: { organizationId: 'org2', documentId: 'd9' },
        matched: 2,
        attempts: 2,
        providerMessage: expect.any(String),
      },
      {
        ...comments,
        ...ERASED,
        outcome: 'nothing_matched',
        scope: { documentId: 'd8', userIds: ['u1', 'u7'] },
        matched: 0,
        attempts: 1,
        providerMessage: expect.any(String),
      },
      {
        ...comments,
        ...ERASED,
        system: 'supermemory.documents',
        externalId: 'user_42',
        scope: {},
        matched: 2,
        attempts: 2,
        providerMessage: null,
      },
    ]);
  });

  it('names every annotation that only a selector revealed, under the ID by which it can be asked for', () => {
    const selectors = new Map(items.map((item) => [item.id, item.scope]));
    const discovered = items.filter(({ kind }) => kind === 'discovered');
    const named = discovered.map(({ externalId, scope, outcome, evidence, selectorId }) => {
      return [externalId, scope, `${outcome}/${evidence}`, selectors.get(selectorId ?? '')];
    });
    expect(new Set(named)).toEqual(
      new Set([
        ['b1', { documentId: 'd9' }, 'erased/provider', { documentId: 'd9', locationIds: ['l1'], userIds: ['u1'] }],
        [
          'c1',
          { organizationId: 'org2', documentId: 'd9' },
          'erased/provider',
          { organizationId: 'org2', documentId: 'd9' },
        ],
        [
          'c2',
          { organizationId: 'org2', documentId: 'd9' },
          'erased/provider',
          { organizationId: 'org2', documentId: 'd9' },
        ],
      ]),
    );
    expect(discovered.map((item) => item.attempts)).toEqual([1, 1, 1]);
    expect(discovered.map((item) => item.providerMessage)).toEqual([VELT_SAYS, VELT_SAYS, VELT_SAYS]);
  });

  it('leaves at the providers nothing that it calls erased, and everything that nobody asked for', () => {
    const { data, ledger } = service.sandbox;
    for (const { system, externalId, scope, outcome, kind } of items) {
      if (outcome !== 'erased' || externalId === null || kind === 'selector') continue;
      const at = { organizationId: scope?.['organizationId'], documentId: scope?.['documentId'] } as object;
      const name = system as 'velt.documents' | 'velt.comments' | 'supermemory.documents';
      expect(data.exists(name, at, externalId), externalId).toBe(false);
      expect(ledger.timesDeleted(name, at, externalId), externalId).toBe(1);
    }
    expect(data.exists('velt.comments', { organizationId: 'org1', documentId: 'd3' }, 'kept')).toBe(true);
    expect(data.exists('velt.comments', { documentId: 'd9' }, 'b2')).toBe(true);
    expect(data.exists('velt.comments', { documentId: 'd9' }, 'b3')).toBe(true);
    expect(data.exists('supermemory.documents', {}, 't3')).toBe(true);
    expect(data.exists('supermemory.documents', {}, 't1')).toBe(false);
    expect(ledger.calls().filter((call) => call.widened || call.leak)).toEqual([]);
  });

  it('counts what its items say', () => {
    const byOutcome = Object.fromEntries(
      Object.keys(request.counts).map((outcome) => [outcome, items.filter((item) => item.outcome === outcome).length]),
    );
    expect({ ...byOutcome, total: items.length }).toEqual(request.counts);
    for (const item of items) {
      expect(item.settledAt).toMatch(TIME);
      expect(item.lastAttemptAt).toMatch(TIME);
    }
  });

  it('lists every call that carried an item of it, as the ledger of the providers has it', async () => {
    const attempts = await service.api.attempts(request.id);
    for (const name of ['velt.documents', 'velt.comments', 'supermemory.documents'] as const) {
      const calls = service.sandbox.ledger.calls(name);
      expect(attempts.filter(({ system }) => system === name).length, name).toBe(calls.length);
    }
    for (const attempt of attempts) {
      expect(attempt).toMatchObject({ verdict: 'answered', httpStatus: 200, late: false });
      expect(attempt.responseSha256).toMatch(SHA256);
      expect(attempt.startedAt <= (attempt.endedAt ?? '')).toBe(true);
    }
    const byIds = attempts.find(({ system, ids }) => system === 'supermemory.documents' && ids === 4);
    expect(byIds).toMatchObject({ items: 4, providerCount: 2, providerStatus: null, providerMessage: null });
    const documents = attempts.find(({ system }) => system === 'velt.documents');
    expect(documents).toMatchObject({ ids: 3, items: 3, providerStatus: 'success', providerCount: null });
  });

  it('finds its items by system, outcome and kind', async () => {
    const found = await service.api.items(request.id, 'system=velt.comments&outcome=erased&kind=id');
    expect(found.map(({ externalId }) => externalId)).toEqual(['a1', 'a2']);
    expect(await service.api.items(request.id, 'kind=discovered&outcome=failed')).toEqual([]);
  });
});
