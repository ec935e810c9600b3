/** What Velt says of whole calls, and what is sent to it: rows of docs/contract-coverage.md, each over real HTTP. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Reading } from '../../src/core/answer.js';
import type { Call, System } from '../../src/systems/system.js';
import { veltComments } from '../../src/systems/velt/comments.js';
import { veltDocuments } from '../../src/systems/velt/documents.js';
import { CREDENTIALS, json, raw, said, ScriptedProvider } from './scripted-provider.js';

let provider: ScriptedProvider;
beforeAll(async () => {
  provider = await ScriptedProvider.start();
});
afterAll(() => provider.stop());

const d1: Call = { scope: { organizationId: 'org1' }, ids: ['d1'], selects: false };
const wholeDocument: Call = { scope: { organizationId: 'org1', documentId: 'd1' }, ids: [], selects: true };
const deleted = { success: true, id: '1', message: 'Deleted Successfully' };
const unclear = { d1: 'unclear' };

function ask(status: number, body: unknown, call: Call = d1, system: System = veltDocuments): Promise<Reading> {
  return provider.ask(system, call, json(status, body));
}

const select = (status: number, body: unknown): Promise<Reading> => ask(status, body, wholeDocument, veltComments);

async function whole(
  httpStatus: number,
  status: string,
  message = 'ERROR_MESSAGE',
  details?: unknown,
): Promise<unknown> {
  return said(await ask(httpStatus, { error: { status, message, ...(details === undefined ? {} : { details }) } }));
}

describe('the envelope', () => {
  it('T06 INTERNAL without details is silent, of unknown effect', async () => {
    expect(await whole(500, 'INTERNAL')).toBe('unclear, silent, effect unknown');
  });

  it('T09 details of no use leave the error to say what it says', async () => {
    for (const details of ['text', null, { issues: [{ path: 'data' }] }, [], [{ success: true }]].slice(0, 4)) {
      expect(await whole(500, 'INTERNAL', 'x', details)).toBe('unclear, silent, effect unknown');
      expect(await whole(400, 'INVALID_ARGUMENT', 'x', details)).toBe('refused');
    }
    expect(await whole(400, 'INVALID_ARGUMENT', 'x', [{ success: true }])).toEqual(unclear);
  });

  it('T16 an empty map after IDs were sent leaves them unclear', async () => {
    expect(said(await ask(200, { result: { status: 'success', data: {} } }))).toEqual(unclear);
  });

  it('T17 data that is null, a list or missing leaves them unclear', async () => {
    for (const body of [
      { result: { data: null } },
      { result: { data: [deleted] } },
      { result: {} },
      { result: 1 },
      {},
    ]) {
      expect(said(await ask(200, body))).toEqual(unclear);
    }
  });

  it('T18 the error in a 200 counts', async () => {
    expect(await whole(200, 'INVALID_ARGUMENT')).toBe('refused');
    expect(await whole(200, 'INTERNAL')).toBe('unclear, silent, effect unknown');
    expect(await whole(200, 'PERMISSION_DENIED')).toBe('blocked by credentials, effect none');
    expect(said(await ask(200, { error: 'no' }))).toEqual(unclear);
  });

  it('T19 beside an error a result proves nothing', async () => {
    const result = { status: 'success', data: { d1: deleted } };
    expect(said(await ask(200, { result, error: { status: 'INVALID_ARGUMENT', message: 'x' } }))).toEqual(unclear);
    expect(said(await ask(401, { result, error: { status: 'UNAUTHENTICATED', message: 'x' } }))).toBe(
      'blocked by credentials, effect unknown',
    );
    const gone = { success: false, code: 'not-found' };
    const both = { result, error: { status: 'INTERNAL', details: { d1: gone } } };
    expect(said(await ask(500, both))).toEqual({ d1: 'absent' });
    expect(said(await ask(200, { result, error: null }))).toEqual({ d1: 'erased: provider' });
  });

  it('T20 entries count whatever result.status says, and without entries nothing does', async () => {
    expect(said(await ask(200, { result: { status: 'failed', data: { d1: deleted } } }))).toEqual({
      d1: 'erased: provider',
    });
    expect(said(await ask(200, { result: { status: 'failed', data: {} } }))).toEqual(unclear);
    expect(await select(200, { result: { status: 'failed', data: {} } })).toMatchObject({
      pass: { clear: false, nothing: false },
    });
  });

  it('T49 NOT_FOUND for the whole call makes no ID absent', async () => {
    expect(await whole(404, 'NOT_FOUND', 'Document not found')).toBe('unclear, effect unknown');
    expect(await whole(200, 'NOT_FOUND')).toBe('unclear, effect unknown');
  });

  it('T61 INVALID_ARGUMENT that speaks of the credentials blocks, unless it only quotes an ID', async () => {
    for (const message of ['Auth Token not found in headers.', 'Auth token not found.']) {
      expect(await whole(400, 'INVALID_ARGUMENT', message)).toBe('blocked by credentials, effect none');
    }
    const named = { ...d1, ids: ['my api key'] };
    const body = { error: { status: 'INVALID_ARGUMENT', message: 'my api key is no document' } };
    expect(said(await ask(400, body, named))).toBe('refused');
  });

  it('T62 401, 403 and their error statuses block, with no effect when Velt itself says so', async () => {
    expect(await whole(401, 'UNAUTHENTICATED')).toBe('blocked by credentials, effect none');
    expect(await whole(500, 'PERMISSION_DENIED')).toBe('blocked by credentials, effect none');
    expect(said(await ask(403, { message: 'Forbidden' }))).toBe('blocked by credentials, effect unknown');
  });

  it('T63 a rate limit pauses, for as long as Retry-After says', async () => {
    expect(await whole(429, 'RESOURCE_EXHAUSTED', 'Try again after 1 minute')).toBe('blocked by rate, effect none');
    const body = { error: { status: 'RESOURCE_EXHAUSTED', message: 'Too many' } };
    const reading = await provider.ask(veltDocuments, d1, json(429, body, { 'retry-after': '120' }));
    expect(reading).toMatchObject({ reason: 'rate', retryAfterMs: 120_000 });
  });

  it('T64 an exhausted quota blocks as a quota', async () => {
    expect(await whole(429, 'RESOURCE_EXHAUSTED', 'Monthly quota used up')).toBe('blocked by quota, effect none');
  });

  it('T66 an error status that is not known leaves it to the code, then to HTTP', async () => {
    expect(await whole(500, 'TEAPOT')).toBe('unclear, silent, effect unknown');
    expect(await whole(200, 'TEAPOT')).toEqual(unclear);
    expect(said(await ask(200, { error: { code: 'not-found', message: 'x' } }))).toBe('unclear, effect unknown');
    expect(said(await ask(200, { error: { code: 500, status: 'INVALID_ARGUMENT', message: 'x' } }))).toBe('refused');
  });

  it('T129 one bad ID refuses the whole call', async () => {
    expect(await whole(400, 'INVALID_ARGUMENT', 'documentIds[3] is invalid')).toBe('refused');
  });
});

describe('selectors of comments', () => {
  it('T35 what the reply names is discovered', async () => {
    const data = { a1: deleted, a2: { success: false, message: 'Annotation not found.' } };
    const reading = await select(200, { result: { status: 'success', data } });
    expect(said(reading)).toEqual({ a1: 'erased: provider', a2: 'absent' });
    expect(reading).toMatchObject({ pass: { clear: true, nothing: false, count: null } });
    expect(veltComments.discoveredScope({ ...wholeDocument.scope, userIds: ['u'] })).toEqual(wholeDocument.scope);
  });

  it('T36 an empty map is nothing; null or no data is not', async () => {
    expect(await select(200, { result: { status: 'success', data: {} } })).toMatchObject({
      pass: { clear: true, nothing: true },
    });
    for (const result of [{ status: 'success', data: null }, { status: 'success' }, { data: [] }]) {
      expect(await select(200, { result })).toMatchObject({
        verdict: 'answered',
        pass: { clear: false, nothing: false },
      });
    }
    expect(await select(500, { result: { status: 'success', data: {} } })).toMatchObject({ pass: { nothing: false } });
  });

  it('T37 a pass with an entry that can not be read, or an ID that can not be one, is not clear', async () => {
    for (const data of [
      { a1: deleted, a2: null },
      { a1: deleted, '': deleted },
      { a1: deleted, '\0': deleted },
    ]) {
      expect(await select(200, { result: { status: 'success', data } })).toMatchObject({ pass: { clear: false } });
    }
    const error = { status: 'INTERNAL', message: 'x', details: { a1: deleted } };
    expect(await select(500, { error })).toMatchObject({
      answers: new Map([['a1', expect.anything()]]),
      pass: { clear: true },
    });
  });

  it('T42 a feature that is not enabled is no word about an ID', async () => {
    const error = { status: 'NOT_FOUND', message: 'Advanced queries are not enabled for this API key.' };
    expect(said(await select(404, { error }))).toBe('blocked by contract, effect unknown');
  });
});

describe('what is sent', () => {
  it('T33 T34 an empty or misspelt filter can not be sent', () => {
    const scope = { documentId: 'd1' };
    const write = (call: Call) => () => veltComments.write(call, CREDENTIALS);
    expect(write({ scope, ids: [], selects: false })).toThrow(/not empty/);
    expect(write({ scope: { ...scope, userIds: [] }, ids: [], selects: true })).toThrow(/not empty/);
    expect(write({ scope: { ...scope, locationIds: [''] }, ids: [], selects: true })).toThrow(/non-empty/);
    expect(write({ scope: { ...scope, annotationId: 'a1' }, ids: [], selects: true })).toThrow(/no documented shape/);
    expect(write({ scope: { ...scope, annotationIds: ['a1'] }, ids: [], selects: true })).toThrow(
      /no documented shape/,
    );
    expect(write({ scope: { ...scope, userIds: ['u1'] }, ids: ['a1'], selects: false })).toThrow(/no documented shape/);
    expect(write({ scope, ids: ['a1'], selects: true })).toThrow(/names no IDs/);
    expect(write({ scope: { organizationId: 'o' }, ids: ['a1'], selects: false })).toThrow(/names a document/);
  });

  it('T39 an organization is sent where the document has one, and only there', async () => {
    await select(200, {});
    expect(JSON.parse(provider.seen.at(-1)?.body ?? '')).toEqual({
      data: { organizationId: 'org1', documentId: 'd1' },
    });
    await ask(200, {}, { scope: { documentId: 'd1' }, ids: ['a1'], selects: false }, veltComments);
    expect(JSON.parse(provider.seen.at(-1)?.body ?? '')).toEqual({ data: { documentId: 'd1', annotationIds: ['a1'] } });
  });

  it('T65 a call is a POST of JSON with data and nothing beside it', async () => {
    await ask(200, {});
    expect(provider.seen.at(-1)).toMatchObject({
      method: 'POST',
      url: '/v2/organizations/documents/delete',
      headers: { 'content-type': 'application/json', 'x-velt-api-key': 'key', 'x-velt-auth-token': 'token' },
      body: '{"data":{"organizationId":"org1","documentIds":["d1"]}}',
    });
  });

  it('T29 more IDs than a call takes are not sent', () => {
    const ids = Array.from({ length: 31 }, (_, index) => `d${index}`);
    expect(() => veltDocuments.write({ ...d1, ids }, CREDENTIALS)).toThrow(/31 IDs/);
  });

  it('T128 the longest ID goes out whole', async () => {
    const id = '\u{1f4c4}'.repeat(512);
    await provider.ask(veltDocuments, { ...d1, ids: [id] }, raw(200, 'text/plain', ''));
    expect(JSON.parse(provider.seen.at(-1)?.body ?? '')).toEqual({
      data: { organizationId: 'org1', documentIds: [id] },
    });
  });
});
