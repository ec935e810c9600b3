import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FaultRule } from '../../src/sandbox/fault-plan.js';
import type { SandboxSeed } from '../../src/sandbox/seed.js';
import type { ItemResource } from '../../src/store/read-items.js';
import { startTestService } from '../support/service.js';
import type { TestService } from '../support/service.js';

const ATTEMPTS_MAX = 3;
const DOCUMENT = { system: 'velt.comments', documentId: 'd1' };
const TAG = { system: 'supermemory.documents', containerTags: ['tag'] };

function annotations(...annotationIds: string[]): SandboxSeed {
  const found = annotationIds.map((annotationId) => ({ annotationId }));
  return { veltAnnotations: [{ documentId: 'd1', annotations: found }] };
}
function tagged(...ids: string[]): SandboxSeed {
  return { supermemoryDocuments: ids.map((id) => ({ id, containerTags: ['tag'] })) };
}

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ env: { RETRY_MAX_ATTEMPTS: String(ATTEMPTS_MAX) } });
});
afterAll(async () => service.installation.close());

/** Erases one selector at providers that hold only `seed`; gives its item, what it revealed, and the calls made. */
async function select(target: object, seed: SandboxSeed = {}, ...rules: FaultRule[]) {
  const { api, sandbox } = service;
  sandbox.reset();
  sandbox.data.seed(seed);
  sandbox.faults.add({ rules });
  const request = await api.erase([target]);
  const items = await api.items(request.id);
  return {
    request,
    selector: items.find(({ kind }) => kind === 'selector'),
    discovered: items.filter(({ kind }) => kind === 'discovered'),
    calls: sandbox.ledger.calls(),
  };
}
function ends(items: readonly ItemResource[]): Record<string, string> {
  return Object.fromEntries(items.map(({ externalId, outcome }) => [externalId ?? '', outcome]));
}

describe('a selector of comments', () => {
  it('is repeated until a clear pass reports nothing, and is then erased', async () => {
    const { selector, discovered, calls, request } = await select(DOCUMENT, annotations('a1', 'a2', 'a3'));
    expect(selector).toMatchObject({ outcome: 'erased', evidence: 'provider', matched: 3, attempts: 2 });
    expect(calls).toHaveLength(2);
    expect(ends(discovered)).toEqual({ a1: 'erased', a2: 'erased', a3: 'erased' });
    expect(new Set(discovered.map(({ selectorId }) => selectorId))).toEqual(new Set([selector?.id]));
    expect(request.counts).toMatchObject({ total: 4, erased: 4 });
  });

  it('matched nothing when its first clear pass reports nothing', async () => {
    const { selector, discovered, request } = await select(DOCUMENT);
    expect(selector).toMatchObject({ outcome: 'nothing_matched', evidence: 'provider', matched: 0, attempts: 1 });
    expect(discovered).toEqual([]);
    expect(request.status).toBe('completed');
  });

  it('is erased by repetition after a call of unknown effect, though no pass reported anything', async () => {
    const { selector, discovered } = await select(DOCUMENT, annotations('a1'), { fault: 'cut', times: 1 });
    expect(selector).toMatchObject({ outcome: 'erased', evidence: 'repeat', matched: 0, attempts: 2 });
    expect(discovered).toEqual([]);
  });

  it('takes no null, no list and no missing word for "nothing"', async () => {
    const bodies = ['{"result":{"status":"success","data":[]}}', '{"result":{"status":"success"}}', '{}'];
    for (const fault of ['202', ...bodies.map((body) => `not-object:${body}`)]) {
      const { selector } = await select(DOCUMENT, {}, { fault });
      expect(selector, fault).toMatchObject({ outcome: 'unconfirmed', evidence: null, attempts: ATTEMPTS_MAX });
    }
  });

  it('leaves what it revealed and did not delete to a call by its ID, and goes on after that', async () => {
    const poor = 'a2~fault:internal*1~';
    const { selector, discovered, calls } = await select(DOCUMENT, annotations('a1', poor));
    expect(ends(discovered)).toEqual({ a1: 'erased', [poor]: 'erased' });
    expect(selector).toMatchObject({ outcome: 'erased', evidence: 'provider', matched: 2 });
    expect(calls.map(({ ids }) => ids)).toEqual([[], [poor], []]);
  });

  it('ends when a clear pass reports nothing but IDs that were refused before', async () => {
    const poor = 'a1~fault:denied~';
    const { selector, discovered, request } = await select(DOCUMENT, annotations(poor));
    expect(discovered).toMatchObject([{ externalId: poor, outcome: 'failed', reason: 'denied' }]);
    expect(selector).toMatchObject({ outcome: 'nothing_matched', matched: 1, attempts: 2 });
    expect(request.status).toBe('attention');
  });

  it('is erased beside IDs that were refused when a pass erased any other', async () => {
    const { selector, request } = await select(DOCUMENT, annotations('a1~fault:denied~', 'a2'));
    expect(selector).toMatchObject({ outcome: 'erased', evidence: 'provider', matched: 2, attempts: 2 });
    expect(request.counts).toMatchObject({ erased: 2, failed: 1 });
  });
});

describe('a selector by container tag', () => {
  it('is one item a tag, and matched is the sum of the counts', async () => {
    const { request, calls } = await select({ ...TAG, containerTags: ['tag', 'nobody'] }, tagged('m1', 'm2'));
    const [tag, nobody] = await service.api.items(request.id);
    expect(tag).toMatchObject({ externalId: 'tag', kind: 'selector', outcome: 'erased', matched: 2, attempts: 2 });
    expect(nobody).toMatchObject({ externalId: 'nobody', outcome: 'nothing_matched', matched: 0, attempts: 1 });
    expect(new Set(calls.map(({ ids }) => ids.length))).toEqual(new Set([1]));
  });

  it('rests as unconfirmed after 5 clear passes that each reported something, and they spend no attempt', async () => {
    const { selector, calls } = await select(TAG, tagged('m1', 'm2'), { fault: 'count-high' });
    expect(selector).toMatchObject({ outcome: 'unconfirmed', evidence: null, matched: 7, attempts: 5 });
    expect(calls).toHaveLength(5);
  });

  it('takes no answer that names another tag for a clear one, and warns of the stranger', async () => {
    const { selector, request } = await select(TAG, tagged('m1'), { fault: 'stranger', times: 1 });
    expect(selector).toMatchObject({ outcome: 'erased', attempts: 2 });
    expect(request.warnings.map(({ code }) => code)).toContain('stranger');
  });

  it('rests as unconfirmed when its attempts are spent, whatever was erased', async () => {
    const { selector } = await select(TAG, tagged('m1'), { fault: 'success-false' });
    expect(selector).toMatchObject({ outcome: 'unconfirmed', attempts: ATTEMPTS_MAX });
    expect(service.sandbox.data.exists('supermemory.documents', {}, 'm1')).toBe(false);
  });
});
