import { request as send } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestResource } from '../../src/store/read-requests.js';
import { REQUESTS } from '../support/api-client.js';
import type { ApiAnswer, ApiClient, Problem } from '../support/api-client.js';
import { startTestService } from '../support/service.js';
import type { TestService } from '../support/service.js';

const BODY = { subject: { ref: 'user_42' }, targets: [{ system: 'supermemory.documents', ids: ['m1', 'm2'] }] };

/** A submission over a connection of its own, which waits for as long as it takes. */
function post(api: ApiClient, key: string): Promise<{ status: number; headers: IncomingHttpHeaders; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${api.key}`,
      'content-type': 'application/json',
      'idempotency-key': key,
    };
    const sending = send(`${api.url}${REQUESTS}`, { method: 'POST', agent: false, headers });
    sending.on('error', reject);
    sending.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    sending.end(JSON.stringify(BODY));
  });
}

describe('an idempotency key', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService();
  });
  afterAll(async () => service.installation.close());

  function submit(key: string, body: unknown = BODY): Promise<ApiAnswer<RequestResource & Problem>> {
    return service.api.call('POST', REQUESTS, body, { 'idempotency-key': key });
  }
  async function requests(): Promise<number> {
    return (await service.sql('select id from erasure_request')).length;
  }

  it('gets the first answer again, byte for byte, also when the request has gone on since', async () => {
    const first = await submit('again');
    expect(first.status).toBe(202);
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    await service.api.settled(first.body.id);
    const before = await requests();
    const second = await submit('again');
    expect([second.status, second.text]).toEqual([202, first.text]);
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    expect(second.headers.get('location')).toBe(first.headers.get('location'));
    expect(await requests()).toBe(before);
  });

  it('stands for the same JSON value, whatever its spacing and the order of its members', async () => {
    const first = await submit('spaced');
    const text = ` {"targets":[{"ids":["m1","m\\u0032"],\n"system":"supermemory.documents"}] , "subject":{"ref":"user_42"}}`;
    const second = await submit('spaced', text);
    expect(second.text).toBe(first.text);
  });

  it('is refused for another body', async () => {
    await submit('other');
    const before = await requests();
    const bodies = [
      { ...BODY, note: 'more' },
      { ...BODY, targets: [{ system: 'supermemory.documents', ids: ['m2', 'm1'] }] },
      { ...BODY, subject: { ref: 'user_43' } },
    ];
    for (const body of bodies) {
      const answer = await submit('other', body);
      expect([answer.status, answer.body.type]).toEqual([422, 'urn:expunge:problem:key_reused']);
      expect(answer.headers.get('idempotency-replayed')).toBeNull();
    }
    expect(await requests()).toBe(before);
  });

  it('is the same quoted or bare', async () => {
    const bare = await submit('quoted');
    const quoted = await submit('"quoted"');
    expect(quoted.text).toBe(bare.text);
    expect(quoted.headers.get('idempotency-replayed')).toBe('true');
  });

  it('keeps no answer of a body that is refused', async () => {
    const refused = await submit('mended', { ...BODY, targets: [] });
    expect(refused.status).toBe(400);
    const accepted = await submit('mended');
    expect([accepted.status, accepted.headers.get('idempotency-replayed')]).toEqual([202, null]);
  });

  it('makes one request out of 1,000 that come at once, whoever of them gets an answer', async () => {
    const before = await requests();
    const { api } = service;
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => post(api, 'thousand')));
    const accepted = answers.filter(({ status }) => status === 202);
    const waiting = answers.filter(({ status }) => status === 409);
    expect(accepted.length).toBeGreaterThan(0);
    expect(accepted.length + waiting.length).toBe(1_000);
    for (const answer of waiting) {
      expect(answer.text).toContain('urn:expunge:problem:key_in_flight"');
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    }
    expect(new Set(accepted.map(({ text }) => text)).size).toBe(1);
    expect(accepted.filter(({ headers }) => headers['idempotency-replayed'] === undefined)).toHaveLength(1);
    expect(await requests()).toBe(before + 1);
    const other = await submit('thousand', { ...BODY, note: 'another' });
    expect([other.status, other.body.type]).toEqual([422, 'urn:expunge:problem:key_reused']);
    const { id } = JSON.parse(accepted[0]?.text ?? '{}') as { id: string };
    await service.api.settled(id);
    expect(await service.api.items(id)).toHaveLength(2);
  }, 60_000);
});

describe('a dry run', () => {
  it('says what would be made, stores nothing and sends nothing', async () => {
    const service = await startTestService({ env: { VELT_IDS_PER_CALL: '2' } });
    const { api, sandbox } = service;
    const earlier = await api.erase(BODY.targets);
    const tables =
      'select (select count(*) from erasure_request) + (select count(*) from item) + (select count(*) from sealed_block) as n';
    const before = await service.sql(tables);
    const calls = sandbox.ledger.calls().length;
    const body = {
      subject: { ref: 'user_42' },
      receivedAt: '2026-01-31T12:00:00Z',
      targets: [
        { system: 'velt.documents', organizationId: 'org1', documentIds: ['d1', 'd2', 'd3', 'd1'] },
        { system: 'velt.comments', documentId: 'd9', userIds: ['u2', 'u1'] },
        ...BODY.targets,
        { system: 'supermemory.documents', containerTags: ['user_42'] },
      ],
    };
    const answer = await api.call<object>('POST', `${REQUESTS}?dryRun=true`, body, { 'idempotency-key': 'dry' });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      dryRun: true,
      dueAt: '2026-02-28T23:59:59.999Z',
      items: 7,
      calls: 5,
      systems: [
        { system: 'velt.documents', items: 3, calls: 2, selectors: [] },
        { system: 'velt.comments', items: 1, calls: 1, selectors: [expect.stringContaining('"u1", "u2"')] },
        { system: 'supermemory.documents', items: 3, calls: 2, selectors: [expect.stringContaining('"user_42"')] },
      ],
      warnings: [{ code: 'also_requested', system: 'supermemory.documents' }],
    });
    // A request after it, which is stored and sent, shows that nothing of the dry run was still to come.
    await api.erase([{ system: 'velt.documents', organizationId: 'org1', documentIds: ['after'] }]);
    expect(
      sandbox.ledger
        .calls()
        .slice(calls)
        .flatMap(({ ids }) => ids),
    ).toEqual(['after']);
    const rows = await service.sql('select id from erasure_request where id <> $1', [earlier.id]);
    expect(rows).toHaveLength(1);
    expect(before).not.toEqual([{ n: '0' }]);
    expect(await service.sql('select key_digest from idempotency_key')).toEqual([]);
    await service.installation.close();
  });
});
