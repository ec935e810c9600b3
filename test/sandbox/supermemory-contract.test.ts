import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.js';
import { memories, send } from './raw-client.js';

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await startSandbox({
    seed: {
      supermemoryDocuments: [
        { id: 'm1', containerTags: ['user_1'] },
        { id: 'm2', containerTags: ['user_1', 'shared'] },
        { id: 'm3', containerTags: ['shared'] },
        { id: 'm4' },
      ],
      existingPrefixes: { 'supermemory.documents': ['lazy-'] },
    },
  });
});
afterEach(() => sandbox.close());

describe('Supermemory documents', () => {
  it('are counted, and only those that are absent are named', async () => {
    const { status, json } = await memories(sandbox.url, { ids: ['m1', 'nope', 'm4'] });
    expect(status).toBe(200);
    expect(json).toEqual({ success: true, deletedCount: 2, errors: [{ id: 'nope', error: 'Memory not found' }] });
    expect(sandbox.ledger.calls()[0]).toMatchObject({
      ids: ['m1', 'nope', 'm4'],
      deleted: [{ system: 'supermemory.documents', scope: {}, ids: ['m1', 'm4'] }],
      answers: { deleted: ['m1', 'm4'], absent: ['nope'] },
    });
  });

  it('carry no errors field where all were deleted', async () => {
    expect((await memories(sandbox.url, { ids: ['m1'] })).json).toEqual({ success: true, deletedCount: 1 });
  });

  it('are deleted by container tag, each once', async () => {
    const { json } = await memories(sandbox.url, { containerTags: ['user_1', 'shared', 'unknown'] });
    expect(json).toEqual({ success: true, deletedCount: 3, containerTags: ['user_1', 'shared', 'unknown'] });
    expect(sandbox.data.exists('supermemory.documents', {}, 'm4')).toBe(true);
    expect((await memories(sandbox.url, { containerTags: ['shared'] })).json).toMatchObject({ deletedCount: 0 });
  });

  it('exist by prefix until they are deleted', async () => {
    expect((await memories(sandbox.url, { ids: ['lazy-7'] })).json).toMatchObject({ deletedCount: 1 });
    expect((await memories(sandbox.url, { ids: ['lazy-7'] })).json).toMatchObject({ deletedCount: 0 });
    sandbox.data.seed({ supermemoryDocuments: [{ id: 'lazy-7' }] });
    expect((await memories(sandbox.url, { ids: ['lazy-7'] })).json).toMatchObject({ deletedCount: 1 });
  });

  it.each([
    ['no selector', {}],
    ['both selectors', { ids: ['m1'], containerTags: ['shared'] }],
    ['no IDs', { ids: [] }],
    ['101 IDs', { ids: Array.from({ length: 101 }, (_, index) => `m${index}`) }],
    ['a number', { ids: [1] }],
    ['no object', ['m1']],
  ])('are refused for %s', async (_name, body) => {
    const { status, json } = await memories(sandbox.url, body);
    expect(status).toBe(400);
    expect(json).toMatchObject({ error: 'Invalid request' });
    expect(sandbox.data.exists('supermemory.documents', {}, 'm1')).toBe(true);
  });

  it('want a bearer key', async () => {
    const { status, json } = await send(`${sandbox.url}/v3/documents/bulk`, 'DELETE', {}, '{"ids":["m1"]}');
    expect(status).toBe(401);
    expect(json).toMatchObject({ error: 'Unauthorized' });
  });
});
