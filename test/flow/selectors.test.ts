import { afterEach, describe, expect, it } from 'vitest';
import { startTestService } from '../support/service.js';
import type { TestService } from '../support/service.js';

function annotations(documentId: string, ...annotationIds: string[]) {
  return { veltAnnotations: [{ documentId, annotations: annotationIds.map((annotationId) => ({ annotationId })) }] };
}
function tagged(...ids: string[]) {
  return { supermemoryDocuments: ids.map((id) => ({ id, containerTags: ['tag'] })) };
}
const DOCUMENT = { system: 'velt.comments', documentId: 'd1' };
const TAG = { system: 'supermemory.documents', containerTags: ['tag'] };

let service: TestService;
afterEach(async () => service.installation.close());

/** Erases one selector; gives its item and what it revealed. */
async function select(target: object, options: Parameters<typeof startTestService>[0]) {
  service = await startTestService(options);
  const request = await service.api.erase([target]);
  const items = await service.api.items(request.id);
  const [selector] = items.filter(({ kind }) => kind === 'selector');
  const discovered = items.filter(({ kind }) => kind === 'discovered');
  return { request, selector, discovered, calls: service.sandbox.ledger.calls() };
}

describe('a selector of comments', () => {
  it('is repeated until a clear pass reports nothing, and is then erased', async () => {
    const { selector, discovered, calls, request } = await select(DOCUMENT, {
      sandbox: { seed: annotations('d1', 'a1', 'a2', 'a3') },
    });
    expect(selector).toMatchObject({ outcome: 'erased', evidence: 'provider', matched: 3, attempts: 2 });
    expect(calls).toHaveLength(2);
    expect(discovered.map(({ externalId, outcome, selectorId }) => [externalId, outcome, selectorId]).sort()).toEqual([
      ['a1', 'erased', selector?.id],
      ['a2', 'erased', selector?.id],
      ['a3', 'erased', selector?.id],
    ]);
    expect(request.counts).toMatchObject({ total: 4, erased: 4 });
  });

  it('matched nothing when its first clear pass reports nothing', async () => {
    const { selector, discovered, request } = await select(DOCUMENT, {});
    expect(selector).toMatchObject({ outcome: 'nothing_matched', evidence: 'provider', matched: 0, attempts: 1 });
    expect(discovered).toEqual([]);
    expect(request.status).toBe('completed');
  });

  it('is erased by repetition after a call of unknown effect, though no pass reported anything', async () => {
    const { selector, discovered } = await select(DOCUMENT, {
      sandbox: { seed: annotations('d1', 'a1'), faults: { rules: [{ fault: 'cut', times: 1 }] } },
    });
    expect(selector).toMatchObject({ outcome: 'erased', evidence: 'repeat', matched: 0, attempts: 2 });
    expect(discovered).toEqual([]);
  });

  it('takes no null and no list for "nothing"', async () => {
    for (const fault of ['202', 'not-object:{"result":{"status":"success","data":[]}}']) {
      const { selector } = await select(DOCUMENT, {
        env: { RETRY_MAX_ATTEMPTS: '3' },
        sandbox: { faults: { rules: [{ fault }] } },
      });
      expect(selector, fault).toMatchObject({ outcome: 'unconfirmed', evidence: null, attempts: 3 });
      await service.installation.close();
    }
  });

  it('leaves what it revealed and did not delete to a call by its ID', async () => {
    const poor = 'a2~fault:internal*1~';
    const { selector, discovered, calls } = await select(DOCUMENT, {
      sandbox: { seed: annotations('d1', 'a1', poor) },
    });
    expect(discovered.map(({ externalId, outcome }) => [externalId, outcome]).sort()).toEqual([
      ['a1', 'erased'],
      [poor, 'erased'],
    ]);
    expect(selector).toMatchObject({ outcome: 'erased', evidence: 'provider', matched: 2 });
    expect(calls.map(({ ids }) => ids)).toEqual([[], [poor], []]);
  });

  it('ends when a clear pass reports nothing but IDs that were refused before', async () => {
    const poor = 'a1~fault:denied~';
    const { selector, discovered, request } = await select(DOCUMENT, { sandbox: { seed: annotations('d1', poor) } });
    expect(discovered).toMatchObject([{ externalId: poor, outcome: 'failed', reason: 'denied' }]);
    expect(selector).toMatchObject({ outcome: 'nothing_matched', matched: 1, attempts: 2 });
    expect(request.status).toBe('attention');
  });

  it('is erased beside IDs that were refused when a pass erased any other', async () => {
    const { selector, request } = await select(DOCUMENT, {
      sandbox: { seed: annotations('d1', 'a1~fault:denied~', 'a2') },
    });
    expect(selector).toMatchObject({ outcome: 'erased', evidence: 'provider', matched: 2, attempts: 2 });
    expect(request.counts).toMatchObject({ erased: 2, failed: 1 });
  });
});

describe('a selector by container tag', () => {
  it('is one item a tag, and matched is the sum of the counts', async () => {
    service = await startTestService({ sandbox: { seed: tagged('m1', 'm2') } });
    const request = await service.api.erase([{ ...TAG, containerTags: ['tag', 'nobody'] }]);
    const items = await service.api.items(request.id);
    expect(
      items.map(({ externalId, kind, outcome, matched, attempts }) => [externalId, kind, outcome, matched, attempts]),
    ).toEqual([
      ['tag', 'selector', 'erased', 2, 2],
      ['nobody', 'selector', 'nothing_matched', 0, 1],
    ]);
    for (const call of service.sandbox.ledger.calls()) expect(call.ids).toHaveLength(1);
  });

  it('rests as unconfirmed after 5 clear passes that each reported something, whatever was erased', async () => {
    const { selector, calls } = await select(TAG, {
      env: { RETRY_MAX_ATTEMPTS: '2' },
      sandbox: { seed: tagged('m1', 'm2'), faults: { rules: [{ fault: 'count-high' }] } },
    });
    expect(selector).toMatchObject({ outcome: 'unconfirmed', evidence: null, matched: 7, attempts: 5 });
    expect(calls).toHaveLength(5);
  });

  it('takes no answer that names another tag for a clear one, and warns of the stranger', async () => {
    const { selector, request } = await select(TAG, {
      sandbox: { seed: tagged('m1'), faults: { rules: [{ fault: 'stranger', times: 1 }] } },
    });
    expect(selector).toMatchObject({ outcome: 'erased', attempts: 2 });
    expect(request.warnings).toMatchObject([{ code: 'stranger', system: 'supermemory.documents' }]);
  });

  it('rests as unconfirmed when its attempts are spent, whatever was erased', async () => {
    const { selector } = await select(TAG, {
      env: { RETRY_MAX_ATTEMPTS: '2' },
      sandbox: { seed: tagged('m1'), faults: { rules: [{ fault: 'success-false' }] } },
    });
    expect(selector).toMatchObject({ outcome: 'unconfirmed', attempts: 2 });
    expect(service.sandbox.data.exists('supermemory.documents', {}, 'm1')).toBe(false);
  });
});
