/** What Velt says of single IDs: rows of docs/contract-coverage.md, each over real HTTP. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Reading } from '../../src/core/answer.js';
import type { Call, System } from '../../src/systems/system.js';
import { veltComments } from '../../src/systems/velt/comments.js';
import { veltDocuments } from '../../src/systems/velt/documents.js';
import { json, raw, said, ScriptedProvider } from './scripted-provider.js';

let provider: ScriptedProvider;
beforeAll(async () => {
  provider = await ScriptedProvider.start();
});
afterAll(() => provider.stop());

const documents = (...ids: string[]): Call => ({ scope: { organizationId: 'org1' }, ids, selects: false });
const annotations = (...ids: string[]): Call => ({ scope: { documentId: 'd1' }, ids, selects: false });
const deleted = { success: true, id: '6737987049068973', message: 'Deleted Successfully' };
const gone = { success: false, id: 'd2', message: 'Document does not exist', code: 'not-found' };

const success = (data: unknown): unknown => ({ result: { status: 'success', message: 'Done.', data } });
const partial = (details: unknown): unknown => ({
  error: { status: 'INTERNAL', message: 'Error deleting document(s).', details },
});

function ask(call: Call, status: number, body: unknown, system: System = veltDocuments): Promise<Reading> {
  return provider.ask(
    system,
    call,
    typeof body === 'string' ? raw(status, 'application/json', body) : json(status, body),
  );
}

/** Asks for one document that is answered with that entry. */
async function entry(value: unknown): Promise<unknown> {
  const said1 = said(await ask(documents('d1'), 200, success({ d1: value })));
  return typeof said1 === 'string' ? said1 : said1['d1'];
}

describe('velt.documents', () => {
  it('T01 an entry of success and "Deleted Successfully" is erased, with the inner id as the provider\'s', async () => {
    const reading = await ask(documents('d1'), 200, success({ d1: deleted }));
    expect(said(reading)).toEqual({ d1: 'erased: provider' });
    expect(reading.verdict === 'answered' && reading.answers.get('d1')?.providerId).toBe('6737987049068973');
  });

  it('T02 success with "Document does not exist" is absent, not erased', async () => {
    expect(await entry({ success: true, id: '2131443384150904', message: 'Document does not exist' })).toBe('absent');
  });

  it('T03 a 500 with details is read entry by entry', async () => {
    const details = { d1: deleted, d2: gone, d3: { success: false, id: 'd3', message: 'Oops', code: 'internal' } };
    const reading = await ask(documents('d1', 'd2', 'd3'), 500, partial(details));
    expect(said(reading)).toEqual({ d1: 'erased: provider', d2: 'absent', d3: 'later' });
    expect(reading).toMatchObject({ providerStatus: 'INTERNAL', providerMessage: 'Error deleting document(s).' });
  });

  it('T04 T132 the same details under 404, 409 or 200 say the same', async () => {
    for (const status of [404, 409, 200]) {
      const reading = await ask(documents('d1', 'd2'), status, partial({ d1: deleted, d2: gone }));
      expect(said(reading)).toEqual({ d1: 'erased: provider', d2: 'absent' });
    }
  });

  it('T07 T15 an ID that details or data leave out is unclear', async () => {
    const call = documents('d1', 'd2');
    expect(said(await ask(call, 500, partial({ d1: deleted })))).toEqual({ d1: 'erased: provider', d2: 'unclear' });
    expect(said(await ask(call, 200, success({ d1: deleted })))).toEqual({ d1: 'erased: provider', d2: 'unclear' });
  });

  it('T08 details as an array are matched by id, never by position', async () => {
    const reading = await ask(documents('d1', 'd2', 'd3'), 500, partial([deleted, gone, { ...gone, id: 'd3' }, gone]));
    expect(said(reading)).toEqual({ d1: 'unclear', d2: 'unclear', d3: 'absent' });
  });

  it('T10 success false with the known text and no code is absent', async () => {
    expect(await entry({ success: false, message: ' document DOES not exist. ' })).toBe('absent');
  });

  it('T11 a code that nobody documents is refused by contract', async () => {
    expect(await entry({ success: false, code: 'on-fire', message: 'Document does not exist' })).toBe(
      'refused: contract',
    );
    expect(await entry({ success: false, code: 17 })).toBe('refused: contract');
  });

  it('T12 success true beside a code is unclear', async () => {
    expect(await entry({ ...deleted, code: 'not-found' })).toBe('unclear');
  });

  it('T13 success that is no strict boolean is unclear', async () => {
    for (const value of ['true', 1, null, {}, []]) expect(await entry({ ...deleted, success: value })).toBe('unclear');
    expect(await entry({ id: 'x', message: 'Deleted Successfully' })).toBe('unclear');
    for (const value of [null, true, 'Deleted Successfully', [], 1]) expect(await entry(value)).toBe('unclear');
  });

  it('T14 the key counts, not the inner id', async () => {
    const crossed = { d1: { ...deleted, id: 'd2' }, d2: { ...gone, id: 17 } };
    const reading = await ask(documents('d1', 'd2'), 200, success(crossed));
    expect(said(reading)).toEqual({ d1: 'erased: provider', d2: 'absent' });
    expect(reading.verdict === 'answered' && reading.answers.get('d2')?.providerId).toBe('17');
  });

  it('T21 an entry for an ID never asked is a stranger and no answer', async () => {
    for (const body of [success({ d1: deleted, d9: deleted }), partial({ d1: deleted, d9: gone })]) {
      const reading = await ask(documents('d1'), 200, body);
      expect(said(reading)).toEqual({ d1: 'erased: provider' });
      expect(reading.anomalies).toEqual(['stranger']);
    }
  });

  it('T22 T127 a key equal but for case, blanks or Unicode form is a stranger, the ID unclear', async () => {
    for (const [asked, answered] of [
      ['Doc', 'doc'],
      ['d1', 'd1 '],
      ['\u00e9', 'e\u0301'],
    ] as const) {
      const reading = await ask(documents(asked), 200, success({ [answered]: deleted }));
      expect(said(reading)).toEqual({ [asked]: 'unclear' });
      expect(reading.anomalies).toEqual(['stranger']);
    }
  });

  it('T48 "Failed to delete …", said of the absent and of failures alike, is unclear', async () => {
    expect(await entry({ success: false, message: 'Failed to delete notification.' })).toBe('unclear');
  });

  it('T119 the ID __proto__ is read as the entry it has', async () => {
    const body = `{"result":{"status":"success","data":{"__proto__":${JSON.stringify(deleted)}}}}`;
    expect((await ask(documents('__proto__'), 200, body)).verdict).toBe('answered');
    const reading = await ask(documents('__proto__', 'd1'), 200, body);
    expect(reading.verdict === 'answered' && [...reading.answers].map(([id, { said: word }]) => [id, word])).toEqual([
      ['__proto__', 'erased'],
      ['d1', 'unclear'],
    ]);
  });

  it('T120 IDs that every object inherits are unclear when the reply leaves them out', async () => {
    const ids = ['constructor', 'toString', 'hasOwnProperty', 'valueOf', '__proto__'];
    const reading = await ask(documents(...ids), 200, success({ d1: deleted }));
    expect(reading.verdict === 'answered' && [...reading.answers.values()].map((answer) => answer.said)).toEqual(
      ids.map(() => 'unclear'),
    );
  });

  it('T121 IDs that look like numbers are read by key, whatever the order of the reply', async () => {
    const call = documents('b', '10', '2', '4294967295');
    const reading = await ask(call, 200, success({ '4294967295': gone, b: deleted, '10': gone, '2': deleted }));
    expect(said(reading)).toEqual({
      b: 'erased: provider',
      '10': 'absent',
      '2': 'erased: provider',
      '4294967295': 'absent',
    });
  });

  it('T139 a text that is not known settles nothing where success is true', async () => {
    for (const message of ['Dokument existiert nicht', 'Not deleted', 'Scheduled', 'Document not found', 5, {}]) {
      expect(await entry({ success: true, message })).toBe('unclear');
    }
    for (const message of ['deleted successfully.', 'Document deleted successfully', 'Deleted', '', null, undefined]) {
      expect(await entry({ success: true, message })).toBe('erased: provider');
    }
    expect(await entry({ success: false, code: 'NOT_FOUND', message: 'weg' })).toBe('absent');
  });

  it('T140 a text that holds both a denial and an absence is not absent', async () => {
    expect(await entry({ success: false, message: 'Permission denied or document does not exist' })).toBe(
      'refused: contract',
    );
    expect(await entry({ success: false, message: 'Permission denied.' })).toBe('refused: denied');
  });
});

describe('velt.comments', () => {
  it('T31 success false with "Annotation not found." is absent', async () => {
    const data = { a1: deleted, a2: { success: false, id: 'a2', message: 'Annotation not found.' } };
    expect(said(await ask(annotations('a1', 'a2'), 200, success(data), veltComments))).toEqual({
      a1: 'erased: provider',
      a2: 'absent',
    });
  });

  it('T43 a denial in details is of its own ID; what was deleted beside it is erased', async () => {
    const error = {
      status: 'PERMISSION_DENIED',
      message: 'Some were denied.',
      details: { a1: deleted, a2: { success: false, code: 'permission-denied', message: 'No.' } },
    };
    expect(said(await ask(annotations('a1', 'a2'), 403, { error }, veltComments))).toEqual({
      a1: 'erased: provider',
      a2: 'refused: denied',
    });
  });

  it('T44 a reserved key is a stranger, and for a selector no ID', async () => {
    const body = success({ '__velt_denied:0': { success: false, message: 'Permission denied' } });
    const named = await ask(annotations('a1'), 200, body, veltComments);
    expect(said(named)).toEqual({ a1: 'unclear' });
    expect(named.anomalies).toEqual(['stranger']);
    const selected = await ask({ ...annotations(), selects: true }, 200, body, veltComments);
    expect(selected).toMatchObject({ answers: new Map(), pass: { clear: false, nothing: false } });
  });

  it('codes that we know say what they say', async () => {
    const codes = { 'invalid-argument': 'refused: rejected', unavailable: 'later', 'deadline-exceeded': 'unclear' };
    for (const [code, word] of Object.entries(codes)) expect(await entry({ success: false, code })).toBe(word);
  });
});
