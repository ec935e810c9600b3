import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isSignedBy, readCheckpoint } from '../../src/core/checkpoint.js';
import type { EventResource } from '../../src/store/read-events.js';
import { verifyBundle } from '../../src/verify.js';
import { REQUESTS } from '../support/api-client.js';
import { startTestService } from '../support/service.js';
import type { TestService } from '../support/service.js';
import { until } from '../support/until.js';
import { tampered } from './tampering.js';

const SUBJECT = 'kim.canary@example.org';
const TARGETS = [
  { system: 'velt.documents', organizationId: 'org-canary', documentIds: ['doc-canary-1', 'doc-canary-2'] },
  { system: 'velt.comments', documentId: 'doc-canary-9' },
  { system: 'supermemory.documents', ids: ['mem-canary-1', 'mem-canary-2', 'mem-canary-3'] },
  { system: 'supermemory.documents', containerTags: ['tag-canary'] },
];

let service: TestService;
let id: string;
let earlier: string;
let bundle: string;
beforeAll(async () => {
  service = await startTestService({
    sandbox: {
      seed: {
        veltAnnotations: [{ documentId: 'doc-canary-9', annotations: [{ annotationId: 'ann-canary-1' }] }],
        supermemoryDocuments: [{ id: 'mem-canary-1' }, { id: 'mem-canary-2', containerTags: ['tag-canary'] }],
      },
    },
  });
  const { api } = service;
  await api.erase([{ system: 'supermemory.documents', ids: ['other'] }]);
  earlier = await until('events to be sealed', async () => {
    const { text } = await api.call('GET', '/v1/ledger/checkpoint');
    return (readCheckpoint(text)?.size ?? 0) > 0 ? text : undefined;
  });
  id = (await api.erase(TARGETS, { subject: { ref: SUBJECT }, note: 'note-canary' })).id;
  bundle = await evidence(id);
});
afterAll(async () => service.installation.close());

async function evidence(of: string, query = ''): Promise<string> {
  const answer = await service.api.call('GET', `${REQUESTS}/${of}/evidence${query}`);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.text;
}
const events = (of: string) => service.api.pages<EventResource>(`${REQUESTS}/${of}/events?`);
async function publicKey(): Promise<string> {
  return (await service.api.call('GET', '/v1/ledger/public-key')).text.trim();
}

type Members = Record<string, object>;

describe('the evidence of a request', () => {
  it('verifies, and says what it is of', async () => {
    const { lines } = verifyBundle(bundle, await publicKey(), earlier);
    expect(lines.join('\n')).toMatch(new RegExp(`${id}: completed`));
    expect(lines.join('\n')).toMatch(/8 disclosed|disclosed, each as committed to/);
  });

  it('verifies without its personal values, which then stand nowhere in it', async () => {
    const { disclosure, ...rest } = JSON.parse(bundle) as Record<string, unknown>;
    expect(JSON.stringify(disclosure)).toMatch(/doc-canary-1.*mem-canary-3.*note-canary.*kim\.canary/);
    const left = JSON.stringify(rest);
    expect(left).not.toMatch(/canary/);
    verifyBundle(left, null, null);
    expect(await evidence(id, '?disclosure=false')).not.toMatch(/canary/);
  });

  it('is refused while something is pending, and where there is no such request', async () => {
    const { api, sandbox } = service;
    sandbox.faults.always('401', 'supermemory');
    const pending = await api.submit({ targets: [{ system: 'supermemory.documents', ids: ['mem-9'] }] });
    const answer = await api.call<{ type: string }>('GET', `${REQUESTS}/${pending.id}/evidence`);
    expect(answer.status).toBe(409);
    expect(answer.body.type).toBe('urn:expunge:problem:not_settled');
    expect((await api.call('GET', `${REQUESTS}/019c0000-0000-7000-8000-000000000000/evidence`)).status).toBe(404);
    await until('the gate to close', async () =>
      (await api.request(pending.id)).blockedBy.length > 0 ? true : undefined,
    );
    sandbox.faults.clear();
    await api.call('POST', '/v1/systems/supermemory.documents/resume');
    await api.settled(pending.id);
    const gates = await service.sql<{ body: string }>(
      `select body from ledger_event where stream = 'supermemory.documents' order by seq`,
    );
    const told = gates.map(
      ({ body }) => JSON.parse(body) as { type: string; actor: string; data: { reason: unknown } },
    );
    expect(told.map(({ type, data }) => [type, data.reason])).toEqual([
      ['blocked', 'credentials'],
      ['resumed', null],
    ]);
    expect(told.map(({ actor }) => actor)).toEqual(['service', expect.stringMatching(/^key_/)]);
  });

  it('is found out when anything in it is changed', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(tampered(bundle), (changed) => {
        fc.pre(changed !== bundle);
        expect(() => verifyBundle(changed, null, null)).toThrow(/^[a-z][^:]*: /);
      }),
      { numRuns: 1000 },
    );
  });

  it('is found out when something stands beside what is signed', async () => {
    const since = await evidence(id, `?since=${/^\S+\n(\d+)\n/.exec(earlier)?.[1]}`);
    const beside = [
      ['events', (whole: Members) => whole['events']],
      ['consistency', (whole: Members) => whole['consistency']],
      ['disclosure', (whole: Members) => Object.values(whole['disclosure'] ?? {})],
    ] as const;
    for (const [where, members] of beside) {
      const whole = JSON.parse(since) as Members;
      const [first] = members(whole) as object[];
      if (!first) throw new Error(`no ${where} in the bundle`);
      verifyBundle(JSON.stringify(whole), null, null);
      // After all others in the order of canonical JSON.
      Object.assign(first, { zz: 'a note' });
      expect(() => verifyBundle(JSON.stringify(whole), null, null), where).toThrow(/other members/);
    }
  });

  it('is found out when its key is written otherwise, even where that decodes to the same bytes', () => {
    const key: string = JSON.parse(bundle).publicKeys[0];
    for (const what of [' ', '{}', '=']) {
      const other = key.slice(0, -5) + what + key.slice(-5);
      expect(() => verifyBundle(bundle.replaceAll(key, other), null, null)).toThrow(/^checkpoint: /);
    }
  });

  it('is found out when it comes from a log that was begun anew', async () => {
    const other = await startTestService();
    try {
      const request = await other.api.erase([{ system: 'supermemory.documents', ids: ['mem-1'] }]);
      const { text } = await other.api.call('GET', `${REQUESTS}/${request.id}/evidence`);
      verifyBundle(text, null, null);
      expect(() => verifyBundle(text, null, earlier)).toThrow(/older checkpoint|not among the keys/);
      await expect(publicKey().then((key) => verifyBundle(text, key, null))).rejects.toThrow(/key that was given/);
    } finally {
      await other.installation.close();
    }
  });

  it('proves on request that its tree begins with any checkpoint', async () => {
    const sizes = await service.sql<{ size: string; note: string }>(
      'select size, note from ledger_checkpoint order by size',
    );
    for (const { size, note } of sizes) verifyBundle(await evidence(id, `?since=${size}`), null, note);
    expect(sizes.length).toBeGreaterThan(2);
  });

  it('passes the program, which exits with 1 on what was changed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'expunge-verify-'));
    try {
      const [file, key, checkpoint] = [`${folder}/b.json`, `${folder}/key`, `${folder}/checkpoint`];
      writeFileSync(file, bundle);
      writeFileSync(key, `${await publicKey()}\n`);
      writeFileSync(checkpoint, earlier);
      const run = (...args: string[]) => execFileSync('node', ['dist/verify.js', ...args], { encoding: 'utf8' });
      expect(run(file, '--key', key, '--checkpoint', checkpoint)).toMatch(/^The evidence holds/);
      expect(run(file)).toMatch(/trust this key must be known from elsewhere/);
      writeFileSync(file, bundle.replace('erased', 'failed'));
      expect(() => run(file)).toThrow();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('the events of a request', () => {
  it('tell everything that happened, with nothing personal in clear', async () => {
    const told = await events(id);
    expect(told.map(({ seq }) => seq)).toEqual(told.map((_, at) => at + 1));
    expect(told[0]).toMatchObject({ type: 'received', prev: null, actor: expect.stringMatching(/^key_/) });
    expect(told.filter(({ type }) => type === 'settled')).toHaveLength(1);
    expect(told.map(({ prev }) => prev)).toEqual([null, ...told.slice(0, -1).map(({ hash }) => hash)]);
    const calls = await service.api.attempts(id);
    expect(told.filter(({ type }) => type === 'call').map(({ data }) => data['attempt'])).toEqual(
      expect.arrayContaining(calls.map((call) => call.id)),
    );
    expect(JSON.stringify(told)).not.toMatch(/canary/);
    const stored = await service.sql<{ body: string }>('select body from ledger_event');
    expect(stored.map(({ body }) => body).join()).not.toMatch(/canary/);
  });

  it('come live, from where the reader left off', async () => {
    const all = await events(id);
    const response = await fetch(`${service.api.url}${REQUESTS}/${id}/events`, {
      headers: { authorization: `Bearer ${service.api.key}`, accept: 'text/event-stream', 'last-event-id': '2' },
    });
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const reader = response.body?.getReader();
    let text = '';
    const readTo = async (words: RegExp): Promise<void> => {
      while (!words.test(text)) text += Buffer.from((await reader?.read())?.value ?? []).toString();
    };
    await readTo(new RegExp(`id: ${all.length}\n`));
    expect(text).not.toMatch(/id: [12]\n/);
    await evidence(id);
    await readTo(new RegExp(`id: ${all.length + 1}\nevent: exported\n`));
    await reader?.cancel();
  });

  it('refuse cursors that are none', async () => {
    const answer = await service.api.call('GET', `${REQUESTS}/${id}/events?cursor=abc`);
    expect(answer.status).toBe(400);
  });
});

describe('the checkpoint', () => {
  it('is signed by the public key, and grows', async () => {
    const { text, headers } = await service.api.call('GET', '/v1/ledger/checkpoint');
    expect(headers.get('content-type')).toMatch(/^text\/plain/);
    expect(isSignedBy(text, await publicKey())).toBe(true);
    expect(readCheckpoint(text)?.size).toBeGreaterThan(readCheckpoint(earlier)?.size ?? 0);
  });

  it('leaves no event waiting for long', async () => {
    await until('nothing to wait', async () => {
      const { text } = await service.api.call('GET', '/metrics');
      return text.includes('expunge_ledger_unsealed_events 0\n') ? true : undefined;
    });
  });
});
