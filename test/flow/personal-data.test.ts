import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REQUESTS } from '../support/api-client.js';
import { dumpSchema } from '../support/dump.js';
import { describeQueues } from '../support/queues.js';
import { startTestService } from '../support/service.js';
import type { TestService } from '../support/service.js';
import { traces } from '../support/traces.js';
import { until } from '../support/until.js';

describe('traces', () => {
  it('are found in clear, in hexadecimal and at every place of a base64 text', () => {
    const token = 'planted-1f2e3d4c5b6a';
    const base64 = (before: string): string => Buffer.from(`${before}${token} after`).toString('base64');
    for (const text of [token, Buffer.from(token).toString('hex'), base64(''), base64('x'), base64('xy')]) {
      expect(traces(token, { there: text })).not.toEqual([]);
    }
    expect(traces(token, { there: 'planted-1f2e3d4c5b6' })).toEqual([]);
  });
});

describeQueues('a planted personal value', (queue) => {
  const token = `zq${randomBytes(12).toString('hex')}`;
  const said = `~fault:unknown-text:said ${token}~`;
  let service: TestService;
  let requestId: string;
  const seen: Record<string, string> = {};
  let statuses: number[];

  beforeAll(async () => {
    service = await startTestService({
      queue,
      env: { RETRY_MAX_ATTEMPTS: '1', PROVIDER_TIMEOUT_MS: '5000' },
      sandbox: {
        seed: {
          veltAnnotations: [{ documentId: `found ${token}`, annotations: [{ annotationId: `revealed ${token}` }] }],
        },
        faults: { rules: [{ fault: 'latency:400', times: 3 }] },
      },
    });
    const { api, sandbox, database } = service;
    const body = {
      subject: { ref: `ref ${token}` },
      note: `note ${token}`,
      targets: [
        { system: 'velt.documents', organizationId: `org ${token}`, documentIds: [`d ${token}${said}`, `e ${token}`] },
        {
          system: 'velt.comments',
          organizationId: token,
          documentId: token,
          locationIds: [token],
          // Cut off here and not at whichever call comes first: the pass that reveals has one attempt only.
          annotationIds: [`${token}~fault:cut*1~`],
        },
        { system: 'velt.comments', documentId: `found ${token}` },
        { system: 'velt.comments', documentId: token, userIds: [token] },
        { system: 'supermemory.documents', ids: [`m ${token}${said}`, `n ${token}`] },
        { system: 'supermemory.documents', containerTags: [`tag ${token}`] },
      ],
    };
    const key = { 'idempotency-key': `key-${token}` };
    const first = await api.call<{ id: string }>('POST', REQUESTS, body, key);
    requestId = first.body.id;
    await until('calls to be under way', () => (sandbox.ledger.calls().length >= 2 ? true : undefined));
    seen['queue, calls under way'] = await queue.dump(database);
    await api.settled(requestId);
    await api.call('POST', REQUESTS, body, key);
    await api.call('POST', REQUESTS, { ...body, note: 'another' }, key);

    const failed = (await api.items(requestId, 'outcome=failed'))[0];
    const resolution = { resolution: 'waived', reason: `because ${token}` };
    await api.call('POST', `${REQUESTS}/${requestId}/items/${failed?.id}/resolve`, resolution);
    await api.call('POST', `${REQUESTS}/search`, { subject: { ref: `ref ${token}` } });
    seen['queue, at the end'] = await queue.dump(database);
    seen['tables'] = await dumpSchema(database.pool, 'public');
    seen['metrics'] = (await api.call('GET', '/metrics')).text;
    seen['list of systems'] = (await api.call('GET', '/v1/systems')).text;
    const wrong = [
      await api.call('POST', REQUESTS, { ...body, note: 7, [token]: token }),
      await api.call('POST', REQUESTS, { ...body, targets: [{ system: token, [token]: token }] }),
      await api.call('POST', REQUESTS, {
        ...body,
        targets: [{ system: 'velt.comments', userIds: [token], documentId: [token] }],
      }),
      await api.call('POST', REQUESTS, `{"subject": {"ref": "${token}`),
      await api.call('POST', REQUESTS, body, { 'idempotency-key': `"${token}` }),
      await api.call('POST', `${REQUESTS}/search`, { subject: { ref: token, [token]: 1 }, cursor: token }),
      await api.call('GET', `${REQUESTS}?status=${token}&${token}=1`),
      await api.call('GET', `${REQUESTS}/${token}`),
      await api.call('GET', `/v1/${token}`),
      await api.call('POST', `/v1/systems/${token}/resume`),
    ];
    statuses = wrong.map(({ status }) => status);
    // A member's name is the caller's own word for the place of the error; no value is echoed.
    seen['error bodies'] = wrong.map(({ text }) => text.replaceAll(`/${token}"`, '/NAME"')).join('\n');
    await service.stop();
    seen['log'] = service.logged.join('\n');
  });
  afterAll(async () => service.installation.close());

  it('is kept, and comes back to who may read it', async () => {
    const again = await service.installation.start();
    const [request, items] = [await again.api.request(requestId), await again.api.items(requestId)];
    expect(request.subject).toEqual({ ref: `ref ${token}` });
    expect(items.map(({ externalId }) => externalId)).toContain(`revealed ${token}`);
    expect(items.map(({ providerMessage }) => providerMessage)).toContain(`said ${token}`);
    expect(items.map(({ resolutionReason }) => resolutionReason)).toContain(`because ${token}`);
    const requestsFound = await again.api.expect<{ data: unknown[] }>(200, 'POST', `${REQUESTS}/search`, {
      subject: { ref: `ref ${token}` },
    });
    expect(requestsFound.data).toHaveLength(1);
    await again.stop();
  });

  it('stands nowhere in clear: not in the queue, not in a table, not in the log, metrics or errors', () => {
    expect(Object.keys(seen)).toHaveLength(7);
    expect(statuses).toEqual([400, 400, 400, 400, 400, 400, 400, 400, 404, 404]);
    expect(traces(token, seen)).toEqual([]);
  });

  it('would have been seen there', async () => {
    const [attempt] = await service.sql<{ batch_id: string }>('select batch_id from attempt order by id limit 1');
    expect(seen['queue, calls under way']).toContain(attempt?.batch_id);
    expect(seen['tables']).toContain(requestId);
    expect(seen['log']).toContain('"ready"');
    expect(seen['metrics']).toContain('expunge_items_total');
  });

  it('once shredded is in nothing that is left: dump, queue, log and metrics', async () => {
    const again = await service.installation.start();
    const shredded = await again.api.call('POST', `${REQUESTS}/${requestId}/shred`, { abandon: true });
    expect(shredded.status).toBe(200);
    const left: Record<string, string> = {
      shredded: shredded.text,
      request: (await again.api.call('GET', `${REQUESTS}/${requestId}`)).text,
      items: (await again.api.call('GET', `${REQUESTS}/${requestId}/items`)).text,
      attempts: (await again.api.call('GET', `${REQUESTS}/${requestId}/attempts`)).text,
      report: (await again.api.call('GET', `${REQUESTS}/${requestId}/report?format=json`)).text,
      evidence: (await again.api.call('GET', `${REQUESTS}/${requestId}/evidence`)).text,
      events: (await again.api.call('GET', `${REQUESTS}/${requestId}/events`)).text,
      dump: await dumpSchema(service.database.pool, 'public'),
      queue: await queue.dump(service.database),
      metrics: (await again.api.call('GET', '/metrics')).text,
    };
    await again.stop();
    left['log'] = again.logged.join('\n');
    expect(traces(token, left)).toEqual([]);
    for (const place of ['request', 'report', 'evidence', 'dump']) {
      expect(left[place], place).toContain(requestId);
    }
    const [kept] = await service.sql<{ kept: number }>(
      `select (select count(*) from request_key where request_id = $1)::int
        + (select count(*) from sealed_block where request_id = $1)::int
        + (select count(*) from attempt_part where request_id = $1 and sealed is not null)::int as kept`,
      [requestId],
    );
    expect(kept).toEqual({ kept: 0 });
  });
});
