/** What Supermemory says: rows of docs/contract-coverage.md, each over real HTTP. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Reading } from '../../src/core/answer.js';
import { supermemoryDocuments } from '../../src/systems/supermemory/documents.js';
import type { Call } from '../../src/systems/system.js';
import { CREDENTIALS, json, raw, said, ScriptedProvider } from './scripted-provider.js';

let provider: ScriptedProvider;
beforeAll(async () => {
  provider = await ScriptedProvider.start();
});
afterAll(() => provider.stop());

const ids = (...names: string[]): Call => ({ scope: {}, ids: names, selects: false });
const three = ids('m1', 'm2', 'm3');
const tag: Call = { scope: {}, ids: ['user_42'], selects: true };
const gone = { id: 'm2', error: 'Memory not found' };
const erased = 'erased: reconciled';

function ask(status: number, body: unknown, call: Call = three): Promise<Reading> {
  return provider.ask(supermemoryDocuments, call, json(status, body));
}

describe('IDs', () => {
  it('T67 counts that agree exactly erase all by subtraction', async () => {
    const reading = await ask(200, { success: true, deletedCount: 3 });
    expect(said(reading)).toEqual({ m1: erased, m2: erased, m3: erased });
    expect(reading).toMatchObject({ providerCount: 3, anomalies: [], pass: null });
  });

  it('T68 a named ID is absent by either text', async () => {
    for (const error of ['Memory not found', 'document not found.']) {
      const reading = await ask(200, { success: true, deletedCount: 2, errors: [{ id: 'm2', error }] });
      expect(said(reading)).toEqual({ m1: erased, m2: 'absent', m3: erased });
      expect(reading.verdict === 'answered' && reading.answers.get('m2')?.text).toBe(error);
    }
  });

  it('T69 success true beside other errors: the named by their texts, the rest by the counts', async () => {
    const errors = [
      { id: 'm2', error: 'Internal error' },
      { id: 'm3', error: 'Forbidden' },
    ];
    expect(said(await ask(200, { success: true, deletedCount: 1, errors }))).toEqual({
      m1: erased,
      m2: 'later',
      m3: 'refused: denied',
    });
  });

  it('T70 success false with counts that agree erases, and is flagged where it makes no sense', async () => {
    const partial = await ask(200, { success: false, deletedCount: 2, errors: [gone] });
    expect(said(partial)).toEqual({ m1: erased, m2: 'absent', m3: erased });
    expect(partial.anomalies).toEqual([]);
    const odd = await ask(200, { success: false, deletedCount: 3 });
    expect(said(odd)).toEqual({ m1: erased, m2: erased, m3: erased });
    expect(odd.anomalies).toEqual(['count_mismatch']);
  });

  it('T71 T72 T73 counts that disagree leave the unnamed unclear', async () => {
    for (const deletedCount of [0, 1, 3, 17]) {
      const reading = await ask(200, { success: deletedCount > 0, deletedCount, errors: [gone] });
      expect(said(reading)).toEqual({ m1: 'unclear', m2: 'absent', m3: 'unclear' });
      expect(reading.anomalies).toEqual(['count_mismatch']);
    }
    expect(said(await ask(200, { success: false, deletedCount: 0 }))).toEqual({
      m1: 'unclear',
      m2: 'unclear',
      m3: 'unclear',
    });
  });

  it('T74 an error for an ID never sent makes the unnamed unclear, whatever the counts', async () => {
    for (const deletedCount of [2, 1, 3]) {
      const reading = await ask(200, {
        success: true,
        deletedCount,
        errors: [gone, { id: 'm9', error: 'Memory not found' }],
      });
      expect(said(reading)).toEqual({ m1: 'unclear', m2: 'absent', m3: 'unclear' });
      expect(reading.anomalies).toContain('stranger');
    }
  });

  it('T75 a count that is no whole number counts for nothing', async () => {
    for (const deletedCount of ['2', -2, 1.5, null, true, 2 ** 60, [2]]) {
      const reading = await ask(200, { success: true, deletedCount, errors: [gone] });
      expect(said(reading)).toEqual({ m1: 'unclear', m2: 'absent', m3: 'unclear' });
      expect(reading.providerCount).toBeNull();
    }
    expect(said(await ask(200, { success: true, errors: [gone] }))).toMatchObject({ m1: 'unclear' });
    expect(said(await ask(200, { success: 'yes', deletedCount: 3 }))).toMatchObject({ m1: 'unclear' });
  });

  it('T76 errors that are malformed leave the unnamed unclear', async () => {
    for (const errors of [null, {}, 'none', [null], [{ error: 'Memory not found' }], [{ id: 2, error: 'x' }]]) {
      expect(said(await ask(200, { success: true, deletedCount: 3, errors }))).toEqual({
        m1: 'unclear',
        m2: 'unclear',
        m3: 'unclear',
      });
    }
    const errors = [gone, { id: 'm3' }];
    expect(said(await ask(200, { success: true, deletedCount: 1, errors }))).toMatchObject({
      m2: 'absent',
      m3: 'unclear',
    });
  });

  it('T77 T81 T80 repeated, missing and too many IDs are not sent', () => {
    const write = (call: Call) => () => supermemoryDocuments.write(call, CREDENTIALS);
    expect(write(ids('m1', 'm1'))).toThrow(/once/);
    expect(write(ids())).toThrow(/not empty/);
    expect(write(ids(...Array.from({ length: 101 }, (_, index) => `m${index}`)))).toThrow(/101 IDs/);
  });

  it('T78 one ID with two texts is unclear, whatever a third one says', async () => {
    const other = { id: 'm2', error: 'Internal error' };
    for (const errors of [
      [gone, other],
      [gone, other, gone],
      [gone, other, other],
    ]) {
      expect(said(await ask(200, { success: true, deletedCount: 2, errors }))).toMatchObject({ m2: 'unclear' });
    }
    expect(said(await ask(200, { success: true, deletedCount: 2, errors: [gone, gone] }))).toMatchObject({
      m1: erased,
      m2: 'absent',
    });
  });

  it('T82 IDs and tags never stand in one call, nor anything else', async () => {
    expect(() => supermemoryDocuments.write({ ...three, scope: { filepath: '/' } }, CREDENTIALS)).toThrow(/no scope/);
    await ask(200, {});
    expect(provider.seen.at(-1)?.body).toBe('{"ids":["m1","m2","m3"]}');
    const reading = await ask(200, { success: true, deletedCount: 3, containerTags: ['user_1'] });
    expect(said(reading)).toMatchObject({ m1: 'unclear' });
    expect(reading.anomalies).toEqual(['stranger']);
  });

  it('T100 a 500 says nothing of what it does not name', async () => {
    expect(said(await ask(500, { error: 'Internal Server Error' }))).toBe('unclear, silent, effect unknown');
    expect(said(await ask(500, { success: true, deletedCount: 3 }))).toBe('unclear, silent, effect unknown');
    expect(said(await ask(500, { success: false, deletedCount: 2, errors: [gone] }))).toEqual({
      m1: 'unclear',
      m2: 'absent',
      m3: 'unclear',
    });
  });
});

describe('tags', () => {
  it('T83 a tag has a count and no IDs, one tag a call', async () => {
    const reading = await ask(200, { success: true, deletedCount: 7, containerTags: ['user_42'] }, tag);
    expect(reading).toMatchObject({
      verdict: 'answered',
      answers: new Map(),
      pass: { clear: true, nothing: false, count: 7 },
    });
    expect(provider.seen.at(-1)?.body).toBe('{"containerTags":["user_42"]}');
    expect(() => supermemoryDocuments.write({ ...tag, ids: ['a', 'b'] }, CREDENTIALS)).toThrow(/2 IDs/);
    expect(await ask(200, { success: true, deletedCount: 0 }, tag)).toMatchObject({
      pass: { clear: true, nothing: true, count: 0 },
    });
  });

  it('a tag pass that is not plainly nothing is not nothing', async () => {
    const bodies = [
      { success: false, deletedCount: 0 },
      { success: true, deletedCount: '0' },
      { success: true, deletedCount: 0, errors: [gone] },
      { success: true, deletedCount: 0, containerTags: ['user_42', 'user_43'] },
      { success: true, deletedCount: 0, containerTags: 'user_42' },
      { success: true },
    ];
    for (const body of bodies)
      expect(await ask(200, body, tag)).toMatchObject({ pass: { clear: false, nothing: false } });
    const other = await ask(200, { success: true, deletedCount: 1, containerTags: ['user_43'] }, tag);
    expect(other.anomalies).toEqual(['stranger']);
    expect(said(await ask(500, { success: true, deletedCount: 0 }, tag))).toBe('unclear, silent, effect unknown');
  });
});

describe('whole calls', () => {
  it('T94 T95 401 and 403 block', async () => {
    expect(said(await ask(401, { error: 'Unauthorized', details: 'Key expired' }))).toBe(
      'blocked by credentials, effect none',
    );
    expect(said(await ask(403, { error: 'Forbidden' }))).toBe('blocked by credentials, effect none');
    expect(said(await ask(401, { message: 'no' }))).toBe('blocked by credentials, effect unknown');
  });

  it('T96 402 is a quota', async () => {
    expect(said(await ask(402, { error: 'Payment Required' }))).toBe('blocked by quota, effect unknown');
  });

  it('T97 429 is a rate for the hour that it names, a quota by its words', async () => {
    const body = { error: 'Too Many Requests', details: 'Slow down' };
    const reading = await provider.ask(supermemoryDocuments, three, json(429, body, { 'retry-after': '3600' }));
    expect(reading).toMatchObject({ verdict: 'blocked', reason: 'rate', retryAfterMs: 3_600_000, effect: 'none' });
    expect(said(await ask(429, { error: 'Monthly quota used up' }))).toBe('blocked by quota, effect none');
    expect(said(await ask(429, { error: 'Quota exceeded: 500 requests per minute' }))).toBe(
      'blocked by rate, effect none',
    );
  });

  it('T105 a 400 for a body that was lost on its way is no word about its IDs', async () => {
    const body = { error: 'Validation error', details: 'Either ids or containerTags must be provided' };
    expect(said(await ask(400, body))).toBe('blocked by contract, effect none');
    expect(said(await ask(400, { error: 'Invalid id at position 2' }))).toBe('refused');
    expect(said(await ask(400, { error: 'Invalid', deletedCount: 3 }))).toBe('unclear, silent, effect unknown');
  });

  it('T106 the DELETE carries its body', async () => {
    await provider.ask(supermemoryDocuments, ids('.', '..', 'bulk', '../container-tags/x'), raw(200, 'text/html', ''));
    expect(provider.seen.at(-1)).toMatchObject({
      method: 'DELETE',
      url: '/v3/documents/bulk',
      headers: { authorization: 'Bearer sm_key', 'content-type': 'application/json' },
      body: '{"ids":[".","..","bulk","../container-tags/x"]}',
    });
  });

  it('T107 T108 the path is a constant: no ID ever stands in it', () => {
    for (const id of ['..', 'bulk', '../container-tags/x', '%2e']) {
      expect(supermemoryDocuments.write(ids(id), CREDENTIALS).path).toBe('/v3/documents/bulk');
    }
  });

  it('T103 HTML on 200 is unclear', async () => {
    const reading = await provider.ask(supermemoryDocuments, three, raw(200, 'text/html', '<html>Sign in</html>'));
    expect(said(reading)).toBe('unclear, silent, effect unknown');
  });

  it('T132 404 and 409 for the whole call settle nothing', async () => {
    for (const status of [404, 409])
      expect(said(await ask(status, { error: 'Document not found' }))).toBe('unclear, effect unknown');
    expect(said(await ask(200, { error: 'Document not found' }))).toEqual({
      m1: 'unclear',
      m2: 'unclear',
      m3: 'unclear',
    });
  });

  it('T104 a 200 of another shape settles nothing and is no outage', async () => {
    expect(said(await ask(200, { ok: true }))).toEqual({ m1: 'unclear', m2: 'unclear', m3: 'unclear' });
  });
});
