import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import ts from 'typescript';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.js';
import { control, documents, memories } from './raw-client.js';

const POLL = { timeout: 10_000 };
const SEED = { supermemoryDocuments: [{ id: 'm1', containerTags: ['t'] }] };

describe('the ledger', () => {
  let sandbox: Sandbox;
  beforeEach(async () => {
    sandbox = await startSandbox({ seed: SEED });
  });
  afterEach(() => sandbox.close());

  it('counts the calls under way at once, provider by provider', async () => {
    sandbox.faults.always('timeout');
    const pending = [
      ...Array.from({ length: 5 }, (_, index) => memories(sandbox.url, { ids: [`m${index}`] })),
      documents(sandbox.url, 'o1', ['d1']),
    ];
    await expect.poll(() => sandbox.ledger.inFlight('supermemory'), POLL).toBe(5);
    await expect.poll(() => sandbox.ledger.inFlight('velt'), POLL).toBe(1);
    await sandbox.down();
    await Promise.all(pending);
    expect(sandbox.ledger.maxInFlight('supermemory')).toBe(5);
    expect(sandbox.ledger.maxInFlight('velt')).toBe(1);
    expect(sandbox.ledger.maxWithin('supermemory', 60_000)).toBe(5);
    await expect.poll(() => sandbox.ledger.inFlight('supermemory'), POLL).toBe(0);
  });

  it('shows a call that is still under way', async () => {
    sandbox.faults.next(1, 'timeout');
    const pending = memories(sandbox.url, { ids: ['m1'] });
    await expect.poll(() => sandbox.ledger.calls()[0]?.deleted.length, POLL).toBe(1);
    expect(sandbox.ledger.calls()[0]).toMatchObject({ delivered: null, endedAtMs: null, status: null });
    await sandbox.down();
    await pending;
    await expect.poll(() => sandbox.ledger.calls()[0]?.delivered, POLL).toBe(false);
  });

  it('finds the calls and deletions of an ID', async () => {
    await memories(sandbox.url, { ids: ['m1'] });
    await memories(sandbox.url, { ids: ['m1', 'm2'] });
    expect(sandbox.ledger.callsWith('supermemory.documents', 'm1')).toHaveLength(2);
    expect(sandbox.ledger.timesDeleted('supermemory.documents', {}, 'm1')).toBe(1);
  });
});

describe('limits', () => {
  it('beyond which calls come in a window are answered with 429', async () => {
    const sandbox = await startSandbox({ limits: { supermemory: { callsPerWindow: 2, windowMs: 60_000 } } });
    try {
      const statuses = [];
      for (let call = 0; call < 3; call += 1) statuses.push(await memories(sandbox.url, { ids: ['m1'] }));
      expect(statuses.map(({ status }) => status)).toEqual([200, 200, 429]);
      expect(Number(statuses[2]?.headers['retry-after'])).toBeGreaterThan(50);
      expect((await documents(sandbox.url, 'o1', ['d1'])).status).toBe(200);
    } finally {
      await sandbox.close();
    }
  });

  it('of calls at once are enforced', async () => {
    const sandbox = await startSandbox({ limits: { velt: { concurrency: 1 } } });
    try {
      sandbox.faults.next(1, 'timeout');
      const pending = documents(sandbox.url, 'o1', ['d1']);
      await expect.poll(() => sandbox.ledger.inFlight('velt'), POLL).toBe(1);
      expect((await documents(sandbox.url, 'o1', ['d2'])).status).toBe(429);
      await sandbox.down();
      await pending;
    } finally {
      await sandbox.close();
    }
  });
});

describe('a sandbox that is down', () => {
  it('refuses connections until it is up again, on the same port', async () => {
    const sandbox = await startSandbox({ seed: SEED });
    try {
      await sandbox.down();
      expect((await memories(sandbox.url, { ids: ['m1'] })).error).toBe('ECONNREFUSED');
      await sandbox.up();
      expect((await memories(sandbox.url, { ids: ['m1'] })).json).toEqual({ success: true, deletedCount: 1 });
    } finally {
      await sandbox.close();
    }
  });
});

describe('the control plane', () => {
  let sandbox: Sandbox;
  beforeEach(async () => {
    sandbox = await startSandbox({ seed: SEED });
  });
  afterEach(() => sandbox.close());

  it('pages through the ledger', async () => {
    for (let call = 0; call < 3; call += 1) await memories(sandbox.url, { ids: [`m${call}`] });
    const first = await control(sandbox.url, 'GET', 'ledger?limit=2');
    expect(first.json).toMatchObject({ calls: [{ seq: 1, ids: ['m0'] }, { seq: 2 }], next: 2 });
    const rest = await control(sandbox.url, 'GET', 'ledger?after=2&system=supermemory.documents');
    expect(rest.json).toMatchObject({ calls: [{ seq: 3 }], next: null });
    expect(Object(rest.json).calls).toHaveLength(1);
  });

  it('seeds, shows the state and resets', async () => {
    await control(sandbox.url, 'POST', 'seed', { veltDocuments: [{ organizationId: 'o1', documentIds: ['d1'] }] });
    await control(sandbox.url, 'POST', 'faults', { rules: [{ fault: '503', times: 1 }], ids: { m9: 'refuse' } });
    expect((await documents(sandbox.url, 'o1', ['d1'])).status).toBe(503);
    expect((await control(sandbox.url, 'GET', 'state')).json).toMatchObject({
      calls: { 'velt.documents': 1, 'velt.comments': 0, 'supermemory.documents': 0 },
      faults: { rules: [{ fault: '503', left: 0 }], ids: { m9: 'refuse' } },
      data: { veltDocuments: [{ organizationId: 'o1', documentIds: ['d1'] }], supermemoryDocuments: [{ id: 'm1' }] },
    });
    await control(sandbox.url, 'POST', 'reset');
    expect((await control(sandbox.url, 'GET', 'state')).json).toMatchObject({
      calls: { 'velt.documents': 0 },
      faults: { rules: [], ids: {} },
      data: { veltDocuments: [], supermemoryDocuments: [{ id: 'm1' }] },
    });
  });

  it('takes the providers down and up', async () => {
    expect((await control(sandbox.url, 'POST', 'faults', { down: true })).status).toBe(400);
    await control(sandbox.controlUrl, 'POST', 'faults', { down: true });
    expect((await memories(sandbox.url, { ids: ['m1'] })).error).toBe('ECONNREFUSED');
    await control(sandbox.controlUrl, 'POST', 'faults', { down: false, clear: true });
    expect((await memories(sandbox.url, { ids: ['m1'] })).status).toBe(200);
  });

  it.each([
    ['faults', { rules: [{ fault: 'no-such' }] }, 'there is no fault "no-such"'],
    ['faults', { rule: [] }, 'faults has an unknown field "rule"'],
    ['seed', { veltDocuments: [{ documentIds: [7] }] }, 'veltDocuments/0/documentIds/0 must be a string'],
  ])('refuses at %s what it does not know', async (path, body, error) => {
    expect(await control(sandbox.url, 'POST', path, body)).toMatchObject({ status: 400, json: { error } });
  });
});

describe('a sandbox of its own process', () => {
  let home: string;
  let child: ChildProcess | undefined;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'sandbox-'));
    writeFileSync(join(home, 'package.json'), '{"type":"module"}');
    writeFileSync(join(home, 'seed.json'), JSON.stringify(SEED));
    const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 };
    for (const name of readdirSync('src/sandbox')) {
      const source = readFileSync(join('src/sandbox', name), 'utf8');
      const { outputText } = ts.transpileModule(source, { compilerOptions });
      writeFileSync(join(home, name.replace(/\.ts$/u, '.js')), outputText);
    }
  });
  afterEach(() => {
    child?.kill('SIGKILL');
    rmSync(home, { recursive: true });
  });

  it('prints its address, serves, and leaves on SIGTERM', async () => {
    const faults = JSON.stringify({ ids: { m2: '503' } });
    const args = [join(home, 'main.js'), '--seed-file', join(home, 'seed.json'), '--faults', faults];
    const started = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    child = started;
    const [line] = await once(createInterface({ input: started.stdout }), 'line');
    const { url, controlUrl } = JSON.parse(String(line));
    expect((await memories(url, { ids: ['m1'] })).json).toEqual({ success: true, deletedCount: 1 });
    expect((await memories(url, { ids: ['m2'] })).status).toBe(503);
    expect((await control(controlUrl, 'GET', 'ledger')).json).toMatchObject({
      calls: [{ ids: ['m1'] }, { ids: ['m2'] }],
    });
    started.kill('SIGTERM');
    expect(await once(started, 'exit')).toEqual([0, null]);
  });

  it('ends with what is wrong where an argument is', async () => {
    const started = spawn(process.execPath, [join(home, 'main.js'), '--port', 'x'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = started;
    const said: string[] = [];
    started.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()));
    expect(await once(started, 'close')).toEqual([1, null]);
    expect(said.join('')).toBe('sandbox: --port takes a whole number\n');
  });
});
