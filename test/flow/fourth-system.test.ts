/** What docs/adding-a-system.md promises: a folder and a line, and everything else follows. The mock below is that line. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { SystemResource } from '../../src/store/read-systems.js';
import { REQUESTS } from '../support/api-client.js';
import type { Problem } from '../support/api-client.js';
import { startTestService } from '../support/service.js';
import type { TestService } from '../support/service.js';
import { startAcme } from './acme.js';
import type { Acme } from './acme.js';

vi.mock('../../src/systems/registry.js', async (importOriginal) => {
  const { SYSTEMS } = await importOriginal<typeof import('../../src/systems/registry.js')>();
  const { acmeNotes } = await import('./acme.js');
  const systems = [...SYSTEMS, acmeNotes];
  return {
    SYSTEMS: systems,
    PROVIDERS: [...new Set(systems.map((system) => system.provider))],
    systemNamed: (name: string) => systems.find((system) => system.name === name),
  };
});

describe('a fourth system', () => {
  let service: TestService;
  let acme: Acme;
  beforeAll(async () => {
    acme = await startAcme('acme-key');
    const env = { ACME_API_URL: acme.url, ACME_API_KEY: 'acme-key', ACME_IDS_PER_CALL: '3' };
    service = await startTestService({
      env,
      sandbox: { seed: { existingPrefixes: { 'supermemory.documents': ['m'] } } },
    });
  });
  afterAll(async () => {
    await service.installation.close();
    await acme.close();
  });

  it('is erased in, beside the others, in calls of its own size', async () => {
    const request = await service.api.erase([
      { system: 'acme.notes', workspaceId: 'w1', noteIds: ['n1', 'n2', 'n3', 'n4', 'other'] },
      { system: 'supermemory.documents', ids: ['m1'] },
    ]);
    expect(request).toMatchObject({ status: 'completed', counts: { erased: 5, already_absent: 1 } });
    expect(acme.calls.map(({ notes }) => notes.length).sort((a, b) => b - a)).toEqual([3, 2]);
    expect(acme.calls[0]?.workspace).toBe('w1');
    const [item] = await service.api.items(request.id, 'system=acme.notes');
    expect(item).toMatchObject({
      externalId: 'n1',
      scope: { workspaceId: 'w1' },
      outcome: 'erased',
      evidence: 'provider',
    });
  });

  it('takes the targets that it defines and no other', async () => {
    for (const [target, path] of [
      [{ system: 'acme.notes', noteIds: ['n1'] }, '/targets/0/workspaceId'],
      [{ system: 'acme.notes', workspaceId: 'w1', noteIds: [] }, '/targets/0/noteIds'],
      [{ system: 'acme.notes', workspaceId: 'w1', noteIds: ['n1'], documentIds: ['d1'] }, '/targets/0/documentIds'],
    ] as const) {
      const answer = await service.api.call<Problem>('POST', REQUESTS, { subject: { ref: 'u' }, targets: [target] });
      expect(answer.status).toBe(400);
      expect(answer.body.errors?.map((error) => error.path)).toContain(path);
    }
  });

  it('stands among the systems, with its limits and a gate, in the API document and in the metrics', async () => {
    const { text } = await service.api.call<SystemResource[]>('GET', '/v1/systems');
    expect(text).toContain('"acme.notes"');
    expect(text).toContain('"limits":{"idsPerCall":3,"concurrency":2,"callsPerMinute":null}');
    expect((await service.api.call('GET', '/openapi.json')).text).toContain('"workspaceId"');
    expect((await service.api.call('GET', '/metrics')).text).toContain('system="acme.notes"');
    expect((await service.sql("select system from gate where system = 'acme.notes'")).length).toBe(1);
    await service.api.expect(200, 'POST', '/v1/systems/acme.notes/resume');
  });
});
