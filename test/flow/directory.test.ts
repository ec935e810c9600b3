/** When what was known of a subject is forgotten by itself. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestResource } from '../../src/store/read-requests.js';
import { REQUESTS } from '../support/api-client.js';
import { startTestService } from '../support/service.js';
import type { TestService } from '../support/service.js';
import { until } from '../support/until.js';

const DIRECTORY = '/v1/subject-directory';
const SYSTEM = 'supermemory.documents';

describe('what is known of a subject', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService({ sandbox: { seed: { existingPrefixes: { [SYSTEM]: ['m'] } } } });
  });
  afterAll(async () => service.installation.close());

  const tell = (ref: string, ...ids: string[]) =>
    service.api.expect(200, 'PUT', DIRECTORY, { subject: { ref }, targets: [{ system: SYSTEM, ids }] });
  const knows = async (ref: string): Promise<boolean> =>
    (await service.api.call('POST', `${DIRECTORY}/lookup`, { subject: { ref } })).status === 200;
  const submit = (ref: string) => service.api.expect<RequestResource>(202, 'POST', REQUESTS, { subject: { ref } });
  const erase = async (ref: string) => service.api.settled((await submit(ref)).id);

  it('is forgotten once a request that took it is completed', async () => {
    await tell('Ann', 'm-ann-1', 'm-ann-2');
    expect(await erase('Ann')).toMatchObject({ status: 'completed', counts: { erased: 2 }, warnings: [] });
    expect(await knows('Ann')).toBe(false);
    const again = await service.api.call('POST', REQUESTS, { subject: { ref: 'Ann' } });
    expect(again.status).toBe(422);
  });

  it('of others stays', async () => {
    await tell('Bob', 'm-bob');
    await tell('Bea', 'm-bea');
    await erase('Bea');
    expect([await knows('Bob'), await knows('Bea')]).toEqual([true, false]);
  });

  it('stays when the request names its targets itself', async () => {
    await tell('Carl', 'm-carl');
    await service.api.erase([{ system: SYSTEM, ids: ['m-other'] }], { subject: { ref: 'Carl' } });
    expect(await knows('Carl')).toBe(true);
  });

  it('stays when it was told anew meanwhile, even in the same words', async () => {
    const { api, sandbox } = service;
    await tell('Dora', 'm-dora');
    sandbox.faults.next(1, '401', 'supermemory');
    const { id } = await submit('Dora');
    await until('the block', async () => ((await api.request(id)).blockedBy.length > 0 ? true : undefined));
    await tell('Dora', 'm-dora');
    await api.expect(200, 'POST', `/v1/systems/${SYSTEM}/resume`);
    expect(await api.settled(id)).toMatchObject({ status: 'completed', warnings: [] });
    expect(await knows('Dora')).toBe(true);
  });

  it('stays when the request is completed with a warning', async () => {
    await tell('Eve', 'absent-1');
    expect(await erase('Eve')).toMatchObject({ status: 'completed', warnings: [{ code: 'all_absent' }] });
    expect(await knows('Eve')).toBe(true);
  });

  it('stays while an ID is refused, and is forgotten when a retry completes the request', async () => {
    const { api } = service;
    await tell('Fred', 'm-fred~fault:denied*1~', 'm-fred-2');
    const { id, status } = await erase('Fred');
    expect([status, await knows('Fred')]).toEqual(['attention', true]);
    await api.expect(202, 'POST', `${REQUESTS}/${id}/retry`);
    expect((await api.settled(id)).status).toBe('completed');
    expect(await knows('Fred')).toBe(false);
  });

  it('stays when a person closes what was refused: that is not erased', async () => {
    const { api } = service;
    await tell('Gus', 'm-gus~fault:denied~', 'm-gus-2');
    const { id } = await erase('Gus');
    const [item] = await api.items(id, 'outcome=failed');
    const resolution = { resolution: 'waived', reason: 'legal hold' };
    await api.expect(200, 'POST', `${REQUESTS}/${id}/items/${item?.id}/resolve`, resolution);
    expect((await api.request(id)).status).toBe('completed');
    expect(await knows('Gus')).toBe(true);
  });

  it('stays when the request is cancelled', async () => {
    const { api, sandbox } = service;
    await tell('Hal', 'm-hal');
    sandbox.faults.next(1, '401', 'supermemory');
    const { id } = await submit('Hal');
    await until('the block', async () => ((await api.request(id)).blockedBy.length > 0 ? true : undefined));
    await api.expect(200, 'POST', `${REQUESTS}/${id}/cancel`);
    await api.expect(200, 'POST', `/v1/systems/${SYSTEM}/resume`);
    expect((await api.request(id)).status).toBe('cancelled');
    expect(await knows('Hal')).toBe(true);
  });

  it('is not erased by half where a system has lost its credentials', async () => {
    const { api, installation } = service;
    await api.expect(200, 'PUT', DIRECTORY, {
      subject: { ref: 'Ida' },
      targets: [
        { system: SYSTEM, ids: ['m-ida'] },
        { system: 'velt.documents', organizationId: 'o', documentIds: ['d'] },
      ],
    });
    const other = await installation.start({ role: 'api', env: { VELT_API_KEY: '', VELT_AUTH_TOKEN: '' } });
    for (const query of ['', '?dryRun=true']) {
      const answer = await other.api.call<{ type: string; errors: { path: string; message: string }[] }>(
        'POST',
        `${REQUESTS}${query}`,
        { subject: { ref: 'Ida' } },
      );
      expect([answer.status, answer.body.type]).toEqual([422, 'urn:expunge:problem:not_configured']);
      expect(answer.body.errors).toEqual([{ path: '/targets', message: expect.stringContaining('velt.documents') }]);
    }
    expect((await api.pages<RequestResource>(`${REQUESTS}?`)).some(({ subject }) => subject?.ref === 'Ida')).toBe(
      false,
    );
    await other.stop();
  });
});
