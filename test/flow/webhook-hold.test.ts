/** A source that asks for more than it may: what is held goes nowhere, until a person lets it go or cancels it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestService } from '../support/service.js';
import type { TestService } from '../support/service.js';
import { CLERK_SECRET, signStandard } from '../support/webhook-senders.js';

const LIMIT = 3;
const SUBJECTS = 10;

let service: TestService;
const ids: string[] = [];

async function deliver(subject: number): Promise<string> {
  const body = JSON.stringify({ type: 'user.deleted', data: { id: `m${subject}` } });
  const { headers } = signStandard(CLERK_SECRET, body);
  const { status, text } = await service.api.call<unknown>(
    'POST',
    '/v1/webhooks/clerk',
    body,
    Object.fromEntries(headers),
  );
  if (status !== 202) throw new Error(`${status} ${text}`);
  return (JSON.parse(text) as { id: string }).id;
}
const callsFor = (subject: number): number =>
  service.sandbox.ledger.callsWith('supermemory.documents', `m${subject}`).length;

beforeAll(async () => {
  const documents = Array.from({ length: SUBJECTS }, (_, no) => ({ id: `m${no}` }));
  service = await startTestService({ sandbox: { seed: { supermemoryDocuments: documents } } });
  await service.api.expect(201, 'POST', '/v1/webhook-sources', {
    name: 'clerk',
    scheme: 'standard-webhooks',
    secret: CLERK_SECRET,
    events: ['user.deleted'],
    subjectRef: '{{/data/id}}',
    targets: [{ system: 'supermemory.documents', ids: ['{{/data/id}}'] }],
    subjectsPerHour: LIMIT,
  });
  for (let subject = 0; subject < SUBJECTS; subject += 1) ids.push(await deliver(subject));
});
afterAll(() => service.installation.close());

describe('requests over the volume of their source', () => {
  it('stay queued and unsent while those within it are done', async () => {
    for (const id of ids.slice(0, LIMIT)) expect((await service.api.settled(id)).status).toBe('completed');
    for (const [no, id] of ids.entries()) {
      if (no < LIMIT) continue;
      expect(await service.api.request(id)).toMatchObject({ status: 'queued', held: 'volume', blockedBy: [] });
      expect(callsFor(no)).toBe(0);
    }
    expect(service.logged.filter((line) => line.includes('a request is held'))).toHaveLength(SUBJECTS - LIMIT);
  });

  it('cannot be claimed by a batch, whatever the code does', async () => {
    const claim = `insert into claim (request_id, item_id, batch_id) select request_id, id, id from item where held limit 1`;
    await expect(service.sql(claim)).rejects.toThrow('a held item was claimed');
  });

  it('can be cancelled', async () => {
    const id = ids.at(-1) ?? '';
    const cancelled = await service.api.expect(200, 'POST', `/v1/erasure-requests/${id}/cancel`);
    expect(cancelled).toMatchObject({ status: 'cancelled', held: null });
  });

  it('are sent once they are released, but for what was cancelled', async () => {
    const released = await service.api.expect(200, 'POST', '/v1/webhook-sources/clerk/release');
    expect(released).toEqual({ released: SUBJECTS - LIMIT - 1 });
    for (const [no, id] of ids.slice(0, -1).entries()) {
      expect(await service.api.settled(id)).toMatchObject({ status: 'completed', held: null });
      expect(callsFor(no)).toBe(1);
    }
    expect(callsFor(SUBJECTS - 1)).toBe(0);
  });
});
