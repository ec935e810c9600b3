import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { REQUESTS } from '../support/api-client.js';
import { startTestService } from '../support/service.js';
import type { InstallationOptions, TestService } from '../support/service.js';
import { until } from '../support/until.js';

const COMMENTS = 'velt.comments';
const MEMORIES = 'supermemory.documents';
const DOCUMENT = { system: COMMENTS, documentId: 'd1' };
const TAG = { system: MEMORIES, containerTags: ['tag'] };

let service: TestService;
const close = async (): Promise<void> => service.installation.close();
async function started(options: InstallationOptions = {}): Promise<TestService> {
  service = await startTestService({ ...options, env: { RETRY_BASE_MS: '5', ...options.env } });
  return service;
}
function annotations(...ids: string[]) {
  return annotationsOf('d1', ids);
}
function annotationsOf(documentId: string, ids: readonly string[]) {
  return {
    veltAnnotations: [{ documentId, annotations: ids.map((annotationId) => ({ annotationId, locationId: 'l1' })) }],
  };
}
function tagged(tag: string, ...ids: string[]) {
  return { supermemoryDocuments: ids.map((id) => ({ id, containerTags: [tag] })) };
}
/** A selector and what it revealed: outcomes by ID, the selector under `*`. */
async function outcomes(id: string): Promise<Record<string, string>> {
  const items = await service.api.items(id);
  return Object.fromEntries(
    items.map(({ kind, externalId, outcome, evidence, reason }) => {
      const beside = evidence ?? reason;
      return [kind === 'selector' ? '*' : (externalId ?? ''), beside === null ? outcome : `${outcome}/${beside}`];
    }),
  );
}

describe('an answer with one thing wrong in it', () => {
  // One service for all of them: each has a document or a tag of its own.
  beforeAll(async () => void (await started()));
  afterEach(() => service.sandbox.faults.clear());
  afterAll(close);

  it.each(['wrong-type', 'duplicate-keys', 'omit', 'moved-key'])(
    '(%s) is no proof that nothing is left of a document',
    async (fault) => {
      const { api, sandbox } = service;
      const documentId = `d-${fault}`;
      sandbox.data.seed(annotationsOf(documentId, [`a1~fault:${fault}*1~`, 'a2']));
      const { id } = await api.erase([{ system: COMMENTS, documentId }]);
      const selector = (await api.items(id)).find(({ kind }) => kind === 'selector');
      expect(selector).toMatchObject({ outcome: 'erased' });
      expect(selector?.attempts).toBeGreaterThanOrEqual(2);
      const anywhere = { locationIds: undefined, userIds: undefined };
      expect(sandbox.data.matchingAnnotations(undefined, documentId, anywhere)).toEqual([]);
    },
  );

  it.each(['success-false', '202', 'wrong-type', 'duplicate-keys', 'omit', 'internal', 'stranger', 'error-and-result'])(
    '(%s) is not taken for an empty container tag',
    async (fault) => {
      const { api, sandbox } = service;
      const tag = `tag-${fault}`;
      sandbox.data.seed(tagged(tag, `${tag}-1`, `${tag}-2`));
      const before = sandbox.ledger.calls().length;
      if (['wrong-type', 'duplicate-keys', 'omit', 'internal'].includes(fault)) sandbox.faults.forId(tag, `${fault}*1`);
      else sandbox.faults.next(1, fault);
      const { id } = await api.erase([{ system: MEMORIES, containerTags: [tag] }]);
      expect((await outcomes(id))['*']).toMatch(/^erased/);
      expect(sandbox.data.memoriesTagged(tag)).toEqual([]);
      expect(sandbox.ledger.calls().length - before).toBeGreaterThanOrEqual(2);
    },
  );
});

describe('a selector', () => {
  afterEach(close);

  it('whose first pass was lost inherits that to what a later pass reveals', async () => {
    const poor = 'a1~fault:internal*1~';
    const { api, sandbox } = await started({ sandbox: { seed: annotations(poor, 'a2') } });
    sandbox.faults.next(1, 'cut-kept');
    const { id } = await api.erase([DOCUMENT]);
    expect(await outcomes(id)).toEqual({ '*': 'erased/provider', a2: 'erased/provider', [poor]: 'erased/provider' });
  });

  it('with an ID in it that is refused each time ends, and that ID stays failed until a retry by its ID', async () => {
    const { api, sandbox } = await started({ sandbox: { seed: annotations('a1', 'a2') } });
    sandbox.faults.forId('a1', 'denied');
    const { id } = await api.erase([DOCUMENT]);
    expect(await outcomes(id)).toEqual({ '*': 'erased/provider', a1: 'failed/denied', a2: 'erased/provider' });
    sandbox.faults.clear();
    const before = sandbox.ledger.calls().length;
    await api.expect(202, 'POST', `${REQUESTS}/${id}/retry`);
    await api.settled(id);
    expect(await outcomes(id)).toMatchObject({ a1: 'erased/provider' });
    expect(
      sandbox.ledger
        .calls()
        .slice(before)
        .map(({ ids }) => ids),
    ).toEqual([['a1']]);
  });

  it('with nothing but refused IDs matched nothing, after a lost pass it is erased by repetition', async () => {
    const { api, sandbox } = await started({ sandbox: { seed: annotations('a1') } });
    sandbox.faults.forId('a1', 'denied');
    sandbox.faults.next(1, 'reset');
    const { id } = await api.erase([DOCUMENT]);
    expect(await outcomes(id)).toEqual({ '*': 'erased/repeat', a1: 'failed/denied' });
  });

  it('whose passes name one more each time rests as unconfirmed after 5, and says what was erased', async () => {
    const { api, sandbox } = await started({ sandbox: { seed: annotations('a1') } });
    sandbox.faults.always('stranger', COMMENTS);
    const { id } = await api.erase([DOCUMENT]);
    expect(await outcomes(id)).toMatchObject({ '*': 'unconfirmed', a1: 'erased/provider' });
    expect(sandbox.ledger.calls()).toHaveLength(5);
  });

  it('with an ID in it that is never deleted rests as unconfirmed, as that ID does', async () => {
    const poor = 'a1~fault:internal~';
    const { api } = await started({ env: { RETRY_MAX_ATTEMPTS: '3' }, sandbox: { seed: annotations(poor, 'a2') } });
    const { id } = await api.erase([DOCUMENT]);
    expect(await outcomes(id)).toEqual({ '*': 'unconfirmed', [poor]: 'unconfirmed', a2: 'erased/provider' });
  });

  it('goes through an outage with all its passes and attempts', async () => {
    const { api, sandbox, sql } = await started({ sandbox: { seed: annotations('a1', 'a2') } });
    sandbox.faults.always('503', COMMENTS);
    const { id } = await api.submit({ targets: [DOCUMENT] });
    await until('the outage', async () =>
      (await api.request(id)).blockedBy[0]?.reason === 'outage' ? true : undefined,
    );
    expect(await sql('select spent, passes from item')).toEqual([{ spent: 0, passes: 0 }]);
    sandbox.faults.clear();
    await api.settled(id);
    expect(await outcomes(id)).toEqual({ '*': 'erased/provider', a1: 'erased/provider', a2: 'erased/provider' });
  });

  it('of two requests goes once, and each becomes what its own history says', async () => {
    const { api, sandbox, sql } = await started({
      env: { RETRY_BASE_MS: '1500' },
      sandbox: { seed: annotations('a1') },
    });
    sandbox.faults.next(1, '504-after');
    const first = await api.submit({ targets: [DOCUMENT] });
    await until('its first pass', async () => ((await api.attempts(first.id))[0]?.endedAt ? true : undefined));
    await sql("update item set due_at = now() + interval '1 second'");
    await sql("update gate set silent = '{}'");
    const second = await api.submit({ subject: { ref: 'other' }, targets: [DOCUMENT] });
    await Promise.all([api.settled(first.id), api.settled(second.id)]);
    expect(await outcomes(first.id)).toEqual({ '*': 'erased/repeat' });
    expect(await outcomes(second.id)).toEqual({ '*': 'nothing_matched/provider' });
  });

  it('with a thousand IDs behind it reveals every one of them once', async () => {
    const ids = Array.from({ length: 1000 }, (_, no) => `a${no}`);
    const { api } = await started({ sandbox: { seed: annotations(...ids) } });
    const request = await api.erase([DOCUMENT, { ...DOCUMENT, locationIds: ['l1'] }]);
    const found = (await api.items(request.id)).filter(({ kind }) => kind === 'discovered');
    expect(new Set(found.map(({ externalId }) => externalId)).size).toBe(1000);
    expect(found).toHaveLength(1000);
    expect(request.counts).toMatchObject({ total: 1002, pending: 0 });
    const selectors = (await api.items(request.id, 'kind=selector')).map(({ outcome }) => outcome).sort();
    expect(selectors).toEqual(['erased', 'nothing_matched']);
  });

  it('cancelled in the middle of a pass keeps what that pass says', async () => {
    const { api, sandbox } = await started({ sandbox: { seed: annotations('a1'), latencyMs: 400 } });
    const { id } = await api.submit({ targets: [DOCUMENT] });
    await until('the pass', () => (sandbox.ledger.inFlight('velt') === 1 ? true : undefined));
    await api.expect(200, 'POST', `${REQUESTS}/${id}/cancel`);
    await api.settled(id);
    expect(await outcomes(id)).toEqual({ '*': 'unconfirmed', a1: 'erased/provider' });
    expect(sandbox.ledger.calls()).toHaveLength(1);
  });
});

describe('a container tag', () => {
  afterEach(close);

  it('whose count is too low by one says nothing that is not so', async () => {
    const { api, sandbox } = await started({ sandbox: { seed: tagged('tag', 'm1', 'm2', 'm3') } });
    sandbox.faults.next(1, 'count-low');
    const { id } = await api.erase([TAG]);
    expect((await api.items(id))[0]).toMatchObject({ outcome: 'erased', matched: 2 });
    expect(sandbox.data.memoriesTagged('tag')).toEqual([]);
  });

  it('that fills again while it is emptied rests as unconfirmed', async () => {
    const { api, sandbox } = await started({ sandbox: { seed: tagged('tag', 'm0'), latencyMs: 60 } });
    let no = 0;
    const filling = setInterval(() => sandbox.data.seed(tagged('tag', `m${(no += 1)}`)), 10);
    try {
      const { id } = await api.erase([TAG]);
      expect((await api.items(id))[0]).toMatchObject({ outcome: 'unconfirmed', evidence: null, attempts: 5 });
    } finally {
      clearInterval(filling);
    }
  });
});
