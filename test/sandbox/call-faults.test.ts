import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.js';
import { comments, documents, memories, send, SUPERMEMORY_HEADERS } from './raw-client.js';

const POLL = { timeout: 10_000 };
const RIGHT = { success: true, deletedCount: 1 };
let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await startSandbox({
    seed: { existingPrefixes: { 'velt.documents': [''], 'velt.comments': [''], 'supermemory.documents': [''] } },
  });
});
afterEach(() => sandbox.close());

/** One call with one ID that carries the fault, and whether the ID is still there after it. */
async function strike(fault: string) {
  const id = `m~fault:${fault}~`;
  const wire = await memories(sandbox.url, { ids: [id] });
  return { ...wire, kept: sandbox.data.exists('supermemory.documents', {}, id) };
}

describe('a fault of the whole call', () => {
  it.each([
    ['refuse', 400],
    ['error500', 500],
    ['quota', 402],
    ['401', 401],
    ['402', 402],
    ['403', 403],
    ['405', 405],
    ['409', 409],
    ['410', 410],
    ['413', 413],
    ['415', 415],
    ['429', 429],
    ['501', 501],
    ['503', 503],
    ['504', 504],
    ['520', 520],
  ])('%s answers %i in the words of either provider, and nothing is deleted', async (fault, status) => {
    const memory = await strike(fault);
    expect(memory).toMatchObject({ status, kept: true, json: { error: expect.any(String) } });
    const document = await documents(sandbox.url, 'o1', [`d~fault:${fault}~`]);
    const veltStatus = fault === 'quota' ? 429 : status;
    expect(document).toMatchObject({ status: veltStatus, json: { error: { status: expect.any(String) } } });
    expect(document.json).not.toHaveProperty('error.details');
    expect(sandbox.ledger.calls().flatMap(({ deleted }) => deleted)).toEqual([]);
  });

  it.each([
    ['504-after', 504],
    ['error500-after', 500],
    ['202', 202],
    ['204', 204],
  ])('%s answers %i after the deletion', async (fault, status) => {
    expect(await strike(fault)).toMatchObject({ status, kept: false });
  });

  it.each([
    ['html', true],
    ['html-after', false],
    ['503:html', true],
  ])('%s answers a page', async (fault, kept) => {
    const wire = await strike(fault);
    expect(wire).toMatchObject({ kept, json: undefined, headers: { 'content-type': 'text/html; charset=utf-8' } });
    expect(wire.text).toContain('Sign in');
  });

  it('error-200 answers 200 with an error', async () => {
    expect(await strike('error-200')).toMatchObject({ status: 200, kept: true, json: { error: 'Internal error.' } });
  });

  it.each([
    ['empty', ''],
    ['truncated-json', '{"success":true,"'],
    ['not-object', '"ok"'],
    ['not-object:[]', '[]'],
  ])('%s answers 200 with %j after the deletion', async (fault, text) => {
    expect(await strike(fault)).toMatchObject({ status: 200, kept: false, text });
  });

  it('garbage answers what is no JSON', async () => {
    expect(await strike('garbage')).toMatchObject({ status: 200, kept: false, json: undefined, error: null });
  });

  it.each([
    ['timeout', false],
    ['timeout-kept', true],
  ])('%s never answers', async (fault, kept) => {
    const pending = strike(fault);
    await expect.poll(() => sandbox.ledger.calls()[0]?.faults, POLL).toEqual([fault]);
    expect(sandbox.ledger.calls()[0]).toMatchObject({ status: null, delivered: null });
    await sandbox.down();
    expect(await pending).toMatchObject({ status: null, error: 'ECONNRESET', kept });
  });

  it.each([
    ['reset-before', true],
    ['reset-after', false],
    ['reset', false],
  ])('%s resets the connection', async (fault, kept) => {
    expect(await strike(fault)).toMatchObject({ status: null, error: 'ECONNRESET', kept });
  });

  it('cut breaks the body off', async () => {
    const wire = await strike('cut');
    expect(wire).toMatchObject({ status: 200, kept: false, error: 'ECONNRESET' });
    expect(wire.bytes.length).toBeLessThan(Number(wire.headers['content-length']));
    expect(sandbox.ledger.calls()[0]).toMatchObject({ status: 200, delivered: false });
  });

  it('huge answers the right JSON in more than 8 MiB', async () => {
    const wire = await strike('huge');
    expect(wire.bytes.length).toBeGreaterThan(8 * 1024 * 1024);
    expect(wire.json).toEqual(RIGHT);
  });

  it('gzip-bomb answers few bytes that unpack to 64 MiB', async () => {
    const wire = await strike('gzip-bomb');
    expect(wire.headers['content-encoding']).toBe('gzip');
    expect(wire.bytes.length).toBeLessThan(1024 * 1024);
    const unpacked = gunzipSync(wire.bytes);
    expect(unpacked.length).toBeGreaterThan(64 * 1024 * 1024);
    expect(JSON.parse(unpacked.subarray(-100).toString())).toEqual(RIGHT);
  });

  it('slow-body sends byte by byte', async () => {
    const pending = strike('slow-body:600000');
    await expect.poll(() => sandbox.ledger.calls()[0]?.status, POLL).toBe(200);
    await sandbox.down();
    expect(await pending).toMatchObject({ error: 'ECONNRESET', text: '', kept: false });
    await sandbox.up();
    expect(await strike('slow-body:1')).toMatchObject({ status: 200, error: null, json: RIGHT });
  });

  it('redirect points to where a call is a leak', async () => {
    const wire = await strike('redirect');
    expect(wire).toMatchObject({ status: 307, kept: true, headers: { location: '/redirected/v3/documents/bulk' } });
    expect(sandbox.ledger.leaks()).toEqual([]);
    await send(`${sandbox.url}${wire.headers.location}`, 'DELETE', SUPERMEMORY_HEADERS, '{}');
    expect(sandbox.ledger.leaks()).toHaveLength(1);
    expect((await strike('redirect:302')).status).toBe(302);
  });

  it.each([
    ['429:7', '7'],
    ['429:raw:soon, 5', 'soon, 5'],
  ])('%s says when to come again', async (fault, expected) => {
    expect((await strike(fault)).headers['retry-after']).toBe(expected);
  });

  it('429:date:SECONDS says it as a date', async () => {
    const { headers } = await strike('429:date:3600');
    const inMs = Date.parse(String(headers['retry-after'])) - Date.now();
    expect(inMs).toBeGreaterThan(3_500_000);
    expect(inMs).toBeLessThanOrEqual(3_600_000);
  });

  it('413:N strikes calls of more than N IDs', async () => {
    sandbox.faults.always('413:2');
    expect((await memories(sandbox.url, { ids: ['a', 'b', 'c'] })).status).toBe(413);
    expect((await memories(sandbox.url, { ids: ['a', 'b'] })).status).toBe(200);
  });

  it('latency delays the answer, not the deletion, whatever else strikes', async () => {
    expect((await strike('latency:1~~fault:503')).status).toBe(503);
    const pending = strike('latency:600000');
    await expect.poll(() => sandbox.ledger.calls()[1]?.deleted.length, POLL).toBe(1);
    expect(sandbox.ledger.calls()[1]).toMatchObject({ status: null, delivered: null });
    await sandbox.down();
    expect(await pending).toMatchObject({ status: null, error: 'ECONNRESET' });
  });
});

describe('a fault', () => {
  it('strikes with the IDs of a scope too', async () => {
    const { status } = await comments(sandbox.url, { documentId: 'd', userIds: ['u~fault:503~'] });
    expect(status).toBe(503);
  });

  it('with *N strikes N calls that carry the ID, and then no more', async () => {
    expect((await strike('503*2')).status).toBe(503);
    expect((await strike('503*2')).status).toBe(503);
    expect(await strike('503*2')).toMatchObject({ status: 200, json: RIGHT });
  });

  it('for an ID is listed or written into it', async () => {
    sandbox.faults.forId('m1', 'refuse*1');
    expect((await memories(sandbox.url, { ids: ['m0', 'm1'] })).status).toBe(400);
    expect((await memories(sandbox.url, { ids: ['m0', 'm1'] })).json).toEqual({ success: true, deletedCount: 2 });
  });

  it('for the next N calls concerns the system named', async () => {
    sandbox.faults.next(1, '503', 'supermemory');
    expect((await documents(sandbox.url, 'o1', ['d1'])).status).toBe(200);
    expect((await memories(sandbox.url, { ids: ['m1'] })).status).toBe(503);
    expect((await memories(sandbox.url, { ids: ['m1'] })).status).toBe(200);
  });

  it('by chance strikes the same calls again after clear', async () => {
    const run = async (): Promise<(number | null)[]> => {
      sandbox.faults.clear();
      sandbox.faults.add({ rules: [{ fault: '503', probability: 0.5 }] });
      const statuses = [];
      for (let call = 0; call < 20; call += 1) statuses.push((await memories(sandbox.url, { ids: ['m1'] })).status);
      return statuses;
    };
    const first = await run();
    expect(new Set(first)).toEqual(new Set([200, 503]));
    expect(await run()).toEqual(first);
  });

  it('that does not exist is an error, and loud on the wire', async () => {
    expect(() => sandbox.faults.always('no-such')).toThrow('there is no fault "no-such"');
    expect(() => sandbox.faults.always('internal-after')).toThrow('there is no fault');
    expect(await strike('no-such')).toMatchObject({ status: 500, text: 'sandbox: there is no fault "no-such"' });
  });

  it('is named in the ledger', async () => {
    await strike('refuse*3');
    expect(sandbox.ledger.calls()[0]).toMatchObject({ faults: ['refuse*3'], answers: {}, deleted: [] });
  });
});
