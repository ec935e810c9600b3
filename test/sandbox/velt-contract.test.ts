import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, SANDBOX_KEYS, startSandbox } from '../../src/sandbox/sandbox.js';
import { comments, documents, send, VELT_HEADERS } from './raw-client.js';

let sandbox: Sandbox;

const SEED = {
  veltDocuments: [{ organizationId: 'o1', documentIds: ['d1', 'd2', '__proto__'] }, { documentIds: ['lone'] }],
  veltAnnotations: [
    {
      organizationId: 'o1',
      documentId: 'd1',
      annotations: [
        { annotationId: 'a1', locationId: 'l1', userId: 'u1' },
        { annotationId: 'a2', locationId: 'l2', userId: 'u1' },
        { annotationId: 'a3', locationId: 'l1', userId: 'u2' },
      ],
    },
    { documentId: 'lone', annotations: [{ annotationId: 'b1', locationId: 'l1', userId: 'u1' }] },
  ],
};

beforeEach(async () => {
  sandbox = await startSandbox({ seed: SEED, organizationDialects: { o2: 'details', o3: 'v1' } });
});
afterEach(() => sandbox.close());

describe('Velt documents', () => {
  it('are answered by ID with 200, an absent one as a success with its own words', async () => {
    const { status, json } = await documents(sandbox.url, 'o1', ['d1', 'nope']);
    expect(status).toBe(200);
    expect(json).toEqual({
      result: {
        status: 'success',
        message: 'Document(s) deleted successfully.',
        data: {
          d1: { success: true, id: expect.stringMatching(/^\d{16}$/u), message: 'Deleted Successfully' },
          nope: { success: true, id: expect.stringMatching(/^\d{16}$/u), message: 'Document does not exist' },
        },
      },
    });
    expect(sandbox.data.exists('velt.documents', { organizationId: 'o1' }, 'd1')).toBe(false);
    expect(sandbox.data.exists('velt.documents', { organizationId: 'o1' }, 'd2')).toBe(true);
  });

  it('are answered with a 500 and details where the organization speaks so and one fails', async () => {
    sandbox.data.seed({ veltDocuments: [{ organizationId: 'o2', documentIds: ['d1', 'd2'] }] });
    const { status, json } = await documents(sandbox.url, 'o2', ['d1', 'nope']);
    expect(status).toBe(500);
    expect(json).toEqual({
      error: {
        status: 'INTERNAL',
        message: 'Error deleting document(s).',
        details: {
          d1: { success: true, id: expect.stringMatching(/^\d{16}$/u), message: 'Deleted Successfully' },
          nope: { success: false, id: 'nope', message: 'Document does not exist', code: 'not-found' },
        },
      },
    });
    expect((await documents(sandbox.url, 'o2', ['d2'])).status).toBe(200);
    expect(sandbox.ledger.timesDeleted('velt.documents', { organizationId: 'o2' }, 'd1')).toBe(1);
  });

  it('are answered with 200 and a code in the v1 dialect', async () => {
    const { status, json } = await documents(sandbox.url, 'o3', ['nope']);
    expect(status).toBe(200);
    expect(json).toMatchObject({
      result: { status: 'success', data: { nope: { success: false, code: 'not-found' } } },
    });
  });

  it('belong to their organization', async () => {
    await documents(sandbox.url, 'elsewhere', ['d1']);
    expect(sandbox.data.exists('velt.documents', { organizationId: 'o1' }, 'd1')).toBe(true);
  });

  it('take their annotations with them', async () => {
    await documents(sandbox.url, 'o1', ['d1']);
    const { json } = await comments(sandbox.url, { organizationId: 'o1', documentId: 'd1', annotationIds: ['a1'] });
    expect(json).toMatchObject({ result: { data: { a1: { success: false, message: 'Annotation not found.' } } } });
    expect(sandbox.ledger.calls()[0]?.deleted).toContainEqual({
      system: 'velt.comments',
      scope: { organizationId: 'o1', documentId: 'd1' },
      ids: ['a1', 'a2', 'a3'],
      cascade: true,
    });
  });

  it('may be called __proto__', async () => {
    const { text } = await documents(sandbox.url, 'o1', ['__proto__', '7']);
    expect(text).toMatch(/"data":\{"__proto__":\{"success":true,.*Deleted Successfully.*"7":/u);
  });

  it.each([
    ['no list', 'd1'],
    ['an empty list', []],
    ['a number', [7]],
    ['an empty ID', ['']],
  ])('are refused for %s', async (_name, ids) => {
    const { status, json } = await documents(sandbox.url, 'o1', ids);
    expect(status).toBe(400);
    expect(json).toMatchObject({ error: { status: 'INVALID_ARGUMENT' } });
  });

  it.each(['{"organizationId":"o1","documentIds":["d1"]}', '{"data":{},"more":1}', '[]', 'not json'])(
    'are refused for the body %s',
    async (body) => {
      const { status } = await send(`${sandbox.url}/v2/organizations/documents/delete`, 'POST', VELT_HEADERS, body);
      expect(status).toBe(400);
    },
  );
});

describe('Velt comments', () => {
  const o1d1 = { organizationId: 'o1', documentId: 'd1' };
  it.each([
    ['a document', o1d1, ['a1', 'a2', 'a3']],
    ['locations', { ...o1d1, locationIds: ['l1'] }, ['a1', 'a3']],
    ['locations and users', { ...o1d1, locationIds: ['l1'], userIds: ['u1'] }, ['a1']],
    ['users', { ...o1d1, userIds: ['u1'] }, ['a1', 'a2']],
    ['annotations', { ...o1d1, annotationIds: ['a1', 'a2'] }, ['a1', 'a2']],
    ['locations and annotations', { ...o1d1, locationIds: ['l1'], annotationIds: ['a1', 'a2'] }, ['a1']],
    ['a document of no organization', { documentId: 'lone' }, ['b1']],
    ['its locations', { documentId: 'lone', locationIds: ['l1'] }, ['b1']],
    ['its users', { documentId: 'lone', userIds: ['u1'] }, ['b1']],
    ['its annotations', { documentId: 'lone', annotationIds: ['b1'] }, ['b1']],
    ['its locations and users', { documentId: 'lone', locationIds: ['l1'], userIds: ['u9'] }, []],
    ['its locations and annotations', { documentId: 'lone', locationIds: ['l1'], annotationIds: ['b1'] }, ['b1']],
    ['a document of an organization, asked without it', { documentId: 'd1' }, []],
  ])('are selected by %s', async (_name, data, expected) => {
    const { status, json } = await comments(sandbox.url, data);
    expect(status).toBe(200);
    const entries: Record<string, { success: boolean }> = Object(json).result.data;
    const deleted = Object.keys(entries).filter((id) => entries[id]?.success === true);
    expect(deleted).toEqual(expected);
    expect(sandbox.ledger.calls()[0]?.deleted.flatMap(({ ids }) => ids)).toEqual(expected);
    expect(sandbox.ledger.calls()[0]?.widened).toBe(false);
  });

  it('that are absent are failures without a code', async () => {
    const { json } = await comments(sandbox.url, { ...o1d1, annotationIds: ['nope'] });
    expect(json).toEqual({
      result: {
        status: 'success',
        message: 'Annotations deleted successfully.',
        data: { nope: { success: false, id: 'nope', message: 'Annotation not found.' } },
      },
    });
  });

  it.each([
    ['an empty filter', { ...o1d1, annotationIds: [] }],
    ['a misspelt filter', { ...o1d1, annotationId: ['a1'] }],
  ])('are widened to the document by %s, and the ledger says so', async (_name, data) => {
    await comments(sandbox.url, data);
    const [call] = sandbox.ledger.calls();
    expect(call?.widened).toBe(true);
    expect(call?.deleted[0]?.ids).toEqual(['a1', 'a2', 'a3']);
  });

  it('are refused for users and annotations together', async () => {
    const { status } = await comments(sandbox.url, { ...o1d1, annotationIds: ['a1'], userIds: ['u1'] });
    expect(status).toBe(400);
  });
});

describe('Velt credentials', () => {
  const ask = (url: string, headers: Record<string, string>) =>
    send(
      `${url}/v2/organizations/documents/delete`,
      'POST',
      headers,
      '{"data":{"organizationId":"o1","documentIds":["d1"]}}',
    );
  const withoutToken = { 'content-type': 'application/json', 'x-velt-api-key': SANDBOX_KEYS.velt.apiKey };
  const wrong = { ...VELT_HEADERS, 'x-velt-auth-token': 'wrong' };

  it.each([
    ['documented', 400, 'INVALID_ARGUMENT', 403, 'PERMISSION_DENIED'],
    ['invalid-argument', 400, 'INVALID_ARGUMENT', 400, 'INVALID_ARGUMENT'],
    ['unauthenticated', 401, 'UNAUTHENTICATED', 401, 'UNAUTHENTICATED'],
  ] as const)('are refused in the wording %s', async (authWording, missing, missingWord, bad, badWord) => {
    const own = await startSandbox({ authWording, seed: SEED });
    try {
      expect(await ask(own.url, withoutToken)).toMatchObject({
        status: missing,
        json: { error: { status: missingWord } },
      });
      expect(await ask(own.url, wrong)).toMatchObject({ status: bad, json: { error: { status: badWord } } });
      expect(own.data.exists('velt.documents', { organizationId: 'o1' }, 'd1')).toBe(true);
    } finally {
      await own.close();
    }
  });

  it('of another environment find nothing', async () => {
    const own = await startSandbox({ seed: SEED, emptyEnvironmentKeys: ['other'] });
    try {
      const { status, text } = await ask(own.url, { ...VELT_HEADERS, 'x-velt-api-key': 'other' });
      expect(status).toBe(200);
      expect(text).toContain('Document does not exist');
    } finally {
      await own.close();
    }
  });
});
