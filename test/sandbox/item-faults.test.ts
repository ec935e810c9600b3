import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.js';
import { comments, documents, memories } from './raw-client.js';

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await startSandbox({
    seed: { existingPrefixes: { 'velt.documents': [''], 'velt.comments': [''], 'supermemory.documents': [''] } },
    organizationDialects: { o2: 'details' },
  });
});
afterEach(() => sandbox.close());

const FAILURES = [
  ['internal', { code: 'internal', message: 'Internal error.' }, 'Internal server error'],
  ['denied', { code: 'permission-denied', message: 'Permission denied.' }, 'Permission denied'],
  ['denied:NO', { code: 'NO', message: 'Permission denied.' }, 'NO'],
  ['unknown-code', { code: 'frozen', message: 'Could not be deleted.' }, 'It is under a spell'],
  ['unknown-text', { message: 'It is under a spell.' }, 'It is under a spell'],
  ['unknown-text:Locked', { message: 'Locked' }, 'Locked'],
] as const;

describe('a fault of one ID', () => {
  it.each(FAILURES)('%s fails it and no other, in all three systems', async (fault, entry, error) => {
    const id = `x~fault:${fault}~`;
    const failed = {
      [id]: { success: false, id, ...entry },
      y: { success: true, id: expect.any(String), message: 'Deleted Successfully' },
    };

    expect((await documents(sandbox.url, 'o1', [id, 'y'])).json).toMatchObject({ result: { data: failed } });
    const detailed = await documents(sandbox.url, 'o2', [id, 'y']);
    expect(detailed).toMatchObject({ status: 500, json: { error: { status: 'INTERNAL', details: failed } } });
    const annotations = await comments(sandbox.url, { documentId: 'd', annotationIds: [id, 'y'] });
    expect(annotations.json).toMatchObject({ result: { data: failed } });
    const memory = await memories(sandbox.url, { ids: [id, 'y'] });
    expect(memory.json).toEqual({ success: true, deletedCount: 1, errors: [{ id, error }] });

    expect(sandbox.ledger.calls().map(({ deleted }) => deleted[0]?.ids)).toEqual([['y'], ['y'], ['y'], ['y']]);
  });

  it.each([
    ['omit', false],
    ['omit-kept', true],
  ])('%s leaves it out', async (fault, kept) => {
    const id = `x~fault:${fault}~`;
    const { json } = await documents(sandbox.url, 'o1', [id, 'y']);
    expect(Object.keys(Object(json).result.data)).toEqual(['y']);
    expect((await memories(sandbox.url, { ids: [id, 'y'] })).json).toEqual({ success: true, deletedCount: 1 });
    expect(sandbox.data.exists('velt.documents', { organizationId: 'o1' }, id)).toBe(kept);
    expect(sandbox.data.exists('supermemory.documents', {}, id)).toBe(kept);
  });

  it('moved-key answers under another case', async () => {
    sandbox.faults.forId('Doc-Ab1', 'moved-key');
    const { json } = await documents(sandbox.url, 'o1', ['Doc-Ab1']);
    expect(Object.keys(Object(json).result.data)).toEqual(['dOC-aB1']);
    expect((await memories(sandbox.url, { ids: ['Doc-Ab1'] })).json).toEqual({
      success: true,
      deletedCount: 0,
      errors: [{ id: 'dOC-aB1', error: 'Memory not found' }],
    });
  });

  it('wrong-type answers strings', async () => {
    sandbox.faults.always('wrong-type');
    const { json } = await documents(sandbox.url, 'o1', ['d1']);
    expect(json).toMatchObject({ result: { data: { d1: { success: 'true' } } } });
    expect((await memories(sandbox.url, { ids: ['m1'] })).json).toEqual({ success: 'true', deletedCount: '1' });
  });

  it('duplicate-keys says it twice, and differently', async () => {
    sandbox.faults.always('duplicate-keys');
    const { text } = await documents(sandbox.url, 'o1', ['d1']);
    expect(text.match(/"d1":\{"success":(true|false)/gu)).toEqual(['"d1":{"success":false', '"d1":{"success":true']);
    expect((await memories(sandbox.url, { ids: ['m1'] })).text).toMatch(/"deletedCount":2,.*"deletedCount":1/u);
  });

  it('reaches what a selector finds', async () => {
    sandbox.data.seed({
      veltAnnotations: [
        { documentId: 'd', annotations: [{ annotationId: 'a~fault:internal*1~' }, { annotationId: 'b' }] },
      ],
    });
    expect((await comments(sandbox.url, { documentId: 'd' })).json).toMatchObject({
      result: { data: { 'a~fault:internal*1~': { code: 'internal' }, b: { success: true } } },
    });
    const second = await comments(sandbox.url, { documentId: 'd' });
    expect(Object.keys(Object(second.json).result.data)).toEqual(['a~fault:internal*1~']);
    expect((await comments(sandbox.url, { documentId: 'd' })).json).toMatchObject({ result: { data: {} } });
  });

  it('is not spent by a call that is lost before it', async () => {
    sandbox.faults.next(1, 'reset-before');
    sandbox.faults.forId('m1', 'internal*1');
    await memories(sandbox.url, { ids: ['m1'] });
    expect((await memories(sandbox.url, { ids: ['m1'] })).json).toMatchObject({ errors: [{ id: 'm1' }] });
    expect((await memories(sandbox.url, { ids: ['m1'] })).json).toEqual({ success: true, deletedCount: 1 });
  });
});

describe('a fault of the answer', () => {
  it('stranger names an ID that was not sent', async () => {
    sandbox.faults.always('stranger');
    const { json } = await documents(sandbox.url, 'o1', ['d1']);
    expect(Object.keys(Object(json).result.data)).toEqual(['d1', 'stranger-1']);
    expect((await memories(sandbox.url, { ids: ['m1'] })).json).toMatchObject({ errors: [{ id: 'stranger-1' }] });
    expect((await memories(sandbox.url, { containerTags: ['t'] })).json).toMatchObject({
      containerTags: ['t', 'stranger-1'],
    });
  });

  it.each([
    ['count-high', { success: true, deletedCount: 2 }],
    ['count-low', { success: true, deletedCount: 0 }],
    ['success-false', { success: false, deletedCount: 1 }],
    ['error-and-result', { success: true, deletedCount: 1, error: 'Internal Server Error' }],
  ])('%s bends what Supermemory says', async (fault, expected) => {
    sandbox.faults.always(fault);
    expect((await memories(sandbox.url, { ids: ['m1'] })).json).toEqual(expected);
    expect(sandbox.data.exists('supermemory.documents', {}, 'm1')).toBe(false);
  });

  it('error-and-result and success-false bend what Velt says', async () => {
    sandbox.faults.next(1, 'error-and-result');
    expect((await documents(sandbox.url, 'o1', ['d1'])).json).toMatchObject({
      error: { status: 'INTERNAL' },
      result: { data: { d1: { success: true } } },
    });
    sandbox.faults.next(1, 'success-false');
    expect((await documents(sandbox.url, 'o1', ['d2'])).json).toMatchObject({ result: { status: 'failure' } });
  });
});
