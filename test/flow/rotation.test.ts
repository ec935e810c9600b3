import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.js';
import { rotateInstallation } from '../../src/rotation.js';
import { PROVIDERS } from '../../src/systems/registry.js';
import { openInstallation } from '../support/service.js';
import type { Installation } from '../support/service.js';
import { CLERK_SECRET, signStandard } from '../support/webhook-senders.js';

describe('a rotation of DATA_KEY', () => {
  const oldKey = randomBytes(32).toString('base64');
  const newKey = randomBytes(32).toString('base64');
  const targets = [
    { system: 'velt.documents', organizationId: 'org1', documentIds: ['d1'] },
    { system: 'velt.comments', organizationId: 'org1', documentId: 'd1', userIds: ['u1'] },
    { system: 'supermemory.documents', ids: ['m1', 'm2'] },
  ];
  let installation: Installation;
  let digests: readonly object[];
  let done: string;
  let pending: string;
  let said: string;

  const digestsOf = () =>
    installation.sql(`select encode(digest, 'hex') as digest, encode(lane, 'hex') as lane, encode(order_group, 'hex') as og
      from item union all select encode(subject_digest, 'hex'), encode(wrapped, 'hex'), null from directory_entry`);

  beforeAll(async () => {
    installation = await openInstallation({
      env: { DATA_KEY: oldKey },
      sandbox: { seed: { supermemoryDocuments: [{ id: 'm1' }, { id: 'm2' }, { id: 'm3' }] } },
    });
    const before = await installation.start();
    done = (await before.api.erase(targets, { subject: { ref: 'user_42' } })).id;
    installation.sandbox.faults.always('401', 'supermemory');
    pending = (
      await before.api.submit({
        subject: { ref: 'user_43' },
        targets: [{ system: 'supermemory.documents', ids: ['m3'] }],
      })
    ).id;
    for (const ref of ['known_1', 'known_2']) {
      const told = { subject: { ref }, targets: [{ system: 'supermemory.documents', ids: [`of ${ref}`] }] };
      await before.api.expect(200, 'PUT', '/v1/subject-directory', told);
    }
    await before.api.expect(201, 'POST', '/v1/webhook-sources', {
      name: 'clerk',
      scheme: 'standard-webhooks',
      secret: CLERK_SECRET,
      events: ['user.deleted'],
      subjectRef: '{{/data/id}}',
    });
    digests = await digestsOf();
    await before.stop();
    const config = readConfig({ ...installation.env, DATA_KEY_NEXT: newKey }, PROVIDERS);
    said = await rotateInstallation(config);
  });
  afterAll(() => installation.close());

  it('gives every digest another value', async () => {
    expect(said).toMatch(/^2 request keys wrapped anew/);
    const after = await digestsOf();
    expect(after).toHaveLength(digests.length);
    const old = new Set(digests.flatMap((row) => Object.values(row)));
    for (const value of after.flatMap((row) => Object.values(row)))
      expect(value === null || !old.has(value)).toBe(true);
  });

  it('shuts out the old key', async () => {
    await expect(installation.start()).rejects.toThrow(/DATA_KEY does not open this database/);
  });

  it('is no second rotation when it is run again', async () => {
    const config = readConfig({ ...installation.env, DATA_KEY_NEXT: newKey }, PROVIDERS);
    expect(await rotateInstallation(config)).toMatch(/under the new key already/);
  });

  it('leaves everything to be read, found and done under the new key', async () => {
    installation.sandbox.faults.clear();
    const { api, stop } = await installation.start({ env: { DATA_KEY: newKey } });
    expect((await api.request(done)).subject).toEqual({ ref: 'user_42' });
    expect((await api.items(done)).map((item) => item.externalId)).toEqual(['d1', null, 'm1', 'm2']);
    const found = await api.call<{ data: { id: string }[] }>('POST', '/v1/erasure-requests/search', {
      subject: { ref: 'user_42' },
    });
    expect(found.body.data.map(({ id }) => id)).toEqual([done]);
    for (const ref of ['known_1', 'known_2']) {
      const known = await api.expect(200, 'POST', '/v1/subject-directory/lookup', { subject: { ref } });
      expect(known).toMatchObject({ targets: [{ ids: [`of ${ref}`] }] });
    }
    // The refused credentials may have closed the gate before the rotation, or not: what is asked now may have to wait.
    const again = await api.submit({
      subject: { ref: 'user_42' },
      targets: [{ system: 'supermemory.documents', ids: ['m1'] }],
    });
    expect(again.warnings.map(({ code }) => code)).toContain('also_requested');
    const body = '{"type":"other"}';
    const { headers } = signStandard(CLERK_SECRET, body);
    expect((await api.call('POST', '/v1/webhooks/clerk', body, Object.fromEntries(headers))).status).toBe(202);
    await api.call('POST', '/v1/systems/supermemory.documents/resume');
    expect((await api.settled(pending)).counts['erased']).toBe(1);
    expect((await api.settled(again.id)).counts['already_absent']).toBe(1);
    await stop();
  });
});
