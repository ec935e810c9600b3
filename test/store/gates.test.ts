import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GATE_REASONS, OPEN_GATE } from '../../src/core/gate.js';
import type { Gate } from '../../src/core/gate.js';
import { ensureGates, lockGates, readGates, saveGate } from '../../src/store/gates.js';
import { newId } from '../../src/store/identifiers.js';
import { bytes, storedWork } from './stored-work.js';
import type { StoredWork } from './stored-work.js';

const SYSTEMS = [
  { name: 'a.one', provider: 'a' },
  { name: 'a.two', provider: 'a' },
  { name: 'b.one', provider: 'b' },
];
const moment = fc.integer({ min: 0, max: 4_000_000_000_000 });
const gates: fc.Arbitrary<Gate> = fc
  .record({
    reason: fc.option(fc.constantFrom(...GATE_REASONS)),
    sinceMs: moment,
    untilMs: fc.option(moment),
    probeDelayMs: fc.nat(300_000),
    silent: fc.array(fc.nat().map(newId), { maxLength: 6 }),
    loneRefused: fc.array(
      fc.nat().map(() => `${newId()}/${newId()} ${newId()}/${newId()}`),
      { maxLength: 25 },
    ),
  })
  .map((gate) => ({ ...gate, sinceMs: gate.reason === null ? null : gate.sinceMs }));

describe('gates as rows', () => {
  let work: StoredWork;
  beforeAll(async () => {
    work = await storedWork();
    await ensureGates(work.database, SYSTEMS);
  });
  afterAll(() => work.close());

  it('are open when they are made, and made once', async () => {
    await ensureGates(work.database, SYSTEMS);
    const rows = await readGates(work.database);
    expect([...rows.keys()].toSorted()).toEqual(['a.one', 'a.two', 'b.one']);
    for (const { gate } of rows.values()) expect(gate).toEqual(OPEN_GATE);
  });

  it('come back to the millisecond as they were saved, each for itself, and stay so at a new start', async () => {
    await fc.assert(
      fc.asyncProperty(gates, gates, fc.boolean(), async (one, two, hasDigest) => {
        const credentialsDigest = hasDigest ? bytes('credentials') : null;
        await work.database.transaction(async (tx) => {
          const rows = await lockGates(tx, 'a');
          expect([...rows.keys()]).toEqual(['a.one', 'a.two']);
          await saveGate(tx, { system: 'a.one', gate: one, credentialsDigest, nowMs: 0 });
          await saveGate(tx, { system: 'a.two', gate: two, credentialsDigest: null, nowMs: 0 });
        });
        await ensureGates(work.database, SYSTEMS);
        const rows = await readGates(work.database);
        expect(rows.get('a.one')).toMatchObject({ gate: one, credentialsDigest });
        expect(rows.get('a.two')).toMatchObject({ gate: two, credentialsDigest: null });
        expect(rows.get('b.one')?.gate).toEqual(OPEN_GATE);
      }),
      { numRuns: 60 },
    );
  });

  it('are changed by one at a time', async () => {
    await work.database.transaction((tx) =>
      saveGate(tx, { system: 'b.one', gate: OPEN_GATE, credentialsDigest: null, nowMs: 0 }),
    );
    const add = () =>
      work.database.transaction(async (tx) => {
        const row = (await lockGates(tx, 'b')).get('b.one');
        if (!row) throw new Error('the gate is gone');
        await saveGate(tx, { ...row, gate: { ...row.gate, silent: [...row.gate.silent, newId()] } });
      });
    await Promise.all(Array.from({ length: 8 }, add));
    expect((await readGates(work.database)).get('b.one')?.gate.silent).toHaveLength(8);
  });
});
