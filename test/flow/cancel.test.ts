import { afterEach, describe, expect, it } from 'vitest';
import { REQUESTS } from '../support/api-client.js';
import type { Problem } from '../support/api-client.js';
import { describeQueues } from '../support/queues.js';
import { openInstallation, startTestService } from '../support/service.js';
import type { Installation, TestService } from '../support/service.js';
import { until } from '../support/until.js';

const SUPERMEMORY = 'supermemory.documents';
const SEED = { existingPrefixes: { [SUPERMEMORY]: ['m'] } };

let open: Installation | null = null;
async function started(options: Parameters<typeof startTestService>[0]): Promise<TestService> {
  const service = await startTestService(options);
  open = service.installation;
  return service;
}
afterEach(async () => {
  await open?.close();
  open = null;
});

function cancel(service: TestService, id: string): Promise<unknown> {
  return service.api.expect(200, 'POST', `${REQUESTS}/${id}/cancel`);
}
function targets(...ids: string[]): { targets: object[] } {
  return {
    targets: [
      { system: SUPERMEMORY, ids },
      { system: SUPERMEMORY, containerTags: ['tag'] },
    ],
  };
}
async function underWay(service: TestService): Promise<void> {
  await until('a call to be under way', () => (service.sandbox.ledger.inFlight('supermemory') > 0 ? true : undefined));
}

describeQueues('a cancelled request', (queue) => {
  it('sends nothing when no call was made', async () => {
    const installation = await openInstallation({ queue, sandbox: { seed: SEED } });
    open = installation;
    const entrance = await installation.start({ role: 'api' });
    const { id } = await entrance.api.submit(targets('m1', 'm2'));
    await cancel(entrance, id);
    const request = await entrance.api.request(id);
    expect(request).toMatchObject({ status: 'cancelled', counts: { total: 3, cancelled: 3, pending: 0 } });
    expect(request.settledAt).not.toBeNull();
    const again = await entrance.api.call<Problem>('POST', `${REQUESTS}/${id}/cancel`);
    expect(again.status).toBe(409);
    expect(again.headers.get('retry-after')).not.toBeNull();

    const worker = await installation.start();
    await worker.api.erase([{ system: SUPERMEMORY, ids: ['m3'] }], { subject: { ref: 'user_43' } });
    expect(installation.sandbox.ledger.calls().flatMap(({ ids }) => ids)).toEqual(['m3']);
  });

  it('records the clear answer of a call in flight and sends nothing after it', async () => {
    const service = await started({ queue, sandbox: { seed: SEED }, env: { PROVIDER_TIMEOUT_MS: '10000' } });
    const { id } = await service.api.submit(targets('m1~fault:latency:800~', 'absent'));
    await underWay(service);
    await cancel(service, id);
    expect((await service.api.request(id)).counts).toMatchObject({ pending: 2, cancelled: 1 });
    const request = await service.api.settled(id);
    expect(await service.api.outcomes(id)).toEqual({
      'm1~fault:latency:800~': 'erased/reconciled',
      absent: 'already_absent/provider',
      tag: 'cancelled',
    });
    expect(request.status).toBe('cancelled');
    expect(service.sandbox.ledger.calls()).toHaveLength(1);
  });
});

describe('a request cancelled during a call', () => {
  it('is unconfirmed where the call stayed unclear, and is not sent again', async () => {
    const service = await started({ sandbox: { seed: SEED }, env: { PROVIDER_TIMEOUT_MS: '700' } });
    const { id } = await service.api.submit(targets('m1~fault:timeout~'));
    await underWay(service);
    await cancel(service, id);
    const request = await service.api.settled(id);
    expect(await service.api.outcomes(id)).toEqual({ 'm1~fault:timeout~': 'unconfirmed', tag: 'cancelled' });
    expect(request.status).toBe('cancelled');
    expect(service.sandbox.ledger.calls()).toHaveLength(1);
  });

  it('is cancelled where the answer says that the ID was not deleted, and failed where it is refused for good', async () => {
    const service = await started({ sandbox: { seed: SEED }, env: { PROVIDER_TIMEOUT_MS: '10000' } });
    const later = 'm1~fault:latency:600~~fault:internal~';
    const { id } = await service.api.submit(targets(later, 'm2~fault:denied~'));
    await underWay(service);
    await cancel(service, id);
    await service.api.settled(id);
    expect(await service.api.outcomes(id)).toEqual({
      [later]: 'cancelled',
      'm2~fault:denied~': 'failed/denied',
      tag: 'cancelled',
    });
  });

  it('is cancelled where the whole call was refused', async () => {
    const service = await started({ sandbox: { seed: SEED }, env: { PROVIDER_TIMEOUT_MS: '10000' } });
    const { id } = await service.api.submit(targets('m1~fault:latency:600~~fault:refuse~', 'm2'));
    await underWay(service);
    await cancel(service, id);
    const request = await service.api.settled(id);
    expect(request).toMatchObject({ status: 'cancelled', counts: { cancelled: 3 } });
    expect(service.sandbox.ledger.calls()).toHaveLength(1);
  });
});

describe('cancelling', () => {
  it('calls unconfirmed what an earlier call may have deleted', async () => {
    const service = await started({
      sandbox: { seed: SEED },
      env: { PROVIDER_TIMEOUT_MS: '300', RETRY_BASE_MS: '900000' },
    });
    const { id } = await service.api.submit(targets('m1~fault:timeout*1~'));
    await until('the call to be given up', async () => {
      return (await service.api.attempts(id))[0]?.verdict === 'unclear' ? true : undefined;
    });
    await cancel(service, id);
    expect(await service.api.outcomes(id)).toEqual({ 'm1~fault:timeout*1~': 'unconfirmed', tag: 'cancelled' });
  });

  it('leaves other requests for the same ID alone', async () => {
    const service = await started({ sandbox: { seed: SEED }, env: { BATCH_LINGER_MS: '1500' } });
    const { api } = service;
    const a = await api.submit({ targets: [{ system: SUPERMEMORY, ids: ['m1'] }] });
    const b = await api.submit({ subject: { ref: 'user_43' }, targets: [{ system: SUPERMEMORY, ids: ['m1'] }] });
    await cancel(service, a.id);
    expect((await api.settled(b.id)).status).toBe('completed');
    expect(await api.outcomes(a.id)).toEqual({ m1: 'cancelled' });
  });

  it('lets no retry send it again', async () => {
    const service = await started({ sandbox: { seed: SEED }, env: { PROVIDER_TIMEOUT_MS: '10000' } });
    const { id } = await service.api.submit(targets('m1~fault:latency:500~~fault:denied~'));
    await underWay(service);
    await cancel(service, id);
    await service.api.settled(id);
    const retry = await service.api.call<Problem>('POST', `${REQUESTS}/${id}/retry`);
    expect(retry.status).toBe(409);
    expect(service.sandbox.ledger.calls()).toHaveLength(1);
  });

  it('warns of a system at which nothing was seen to exist, as any other end does', async () => {
    const service = await started({ sandbox: { faults: { rules: [{ fault: '401', system: 'velt' }] } } });
    const { id } = await service.api.submit({
      targets: [
        { system: SUPERMEMORY, ids: ['x1'] },
        { system: 'velt.documents', organizationId: 'org1', documentIds: ['d1'] },
      ],
    });
    await until('the one to be answered and the other to be blocked', async () => {
      const { counts, blockedBy } = await service.api.request(id);
      return counts['already_absent'] === 1 && blockedBy.length === 1 ? true : undefined;
    });
    await cancel(service, id);
    const { warnings } = await service.api.settled(id);
    expect(warnings.map(({ code, system }) => [code, system])).toEqual([['all_absent', SUPERMEMORY]]);
  });
});
