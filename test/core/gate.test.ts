import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  gateAfter,
  LONE_REFUSED_MAX,
  OPEN_GATE,
  passage,
  PROBE_DELAY_MAX_MS,
  SILENT_MAX,
} from '../../src/core/gate.js';
import type { Gate } from '../../src/core/gate.js';
import { after, ANSWERED, blocked, MURMUR, probed, REFUSED, signal, SILENCE } from './gate-readings.js';

const NOW = 1_800_000_000_000;
const silences = (count: number) => Array.from({ length: count }, (_, index) => signal(SILENCE, `s${index}`));
const lone = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => signal(REFUSED, `r${from + index}`, `request/item${from + index}`));
const outage = after(OPEN_GATE, NOW, ...silences(5)).gate;
const accused = after(OPEN_GATE, NOW, ...lone(20)).gate;

describe('an outage', () => {
  it('is five calls in a row without an answer of the provider, and gives their attempts back', () => {
    expect(SILENT_MAX).toBe(5);
    expect(after(OPEN_GATE, NOW, ...silences(4)).gate.reason).toBeNull();
    const closing = after(OPEN_GATE, NOW, ...silences(5));
    expect(closing.gate).toMatchObject({ reason: 'outage', sinceMs: NOW, untilMs: NOW + 1000, probeDelayMs: 1000 });
    expect(closing.giveBack).toEqual(['s0', 's1', 's2', 's3']);
    expect(closing.wholeProvider).toBe(false);
  });

  it('is not seen when any word of the provider came between', () => {
    for (const word of [ANSWERED, REFUSED, MURMUR, blocked('rate')]) {
      const gate = after(OPEN_GATE, NOW, ...silences(4), signal(word)).gate;
      expect(after({ ...gate, reason: null }, NOW, ...silences(4)).gate.reason).toBeNull();
    }
  });

  it('lets one probe through after the delay, which doubles up to five minutes', () => {
    let gate = outage;
    let now = NOW;
    for (const delayMs of [1000, 2000, 4000, 8000, 16000, 32000, 64000, 128000, 256000, 300000, 300000]) {
      expect(gate.probeDelayMs).toBe(delayMs);
      expect(passage(gate, now + delayMs - 1)).toBe('closed');
      expect(passage(gate, now + delayMs)).toBe('probe');
      now += delayMs;
      const change = after(gate, now, probed(SILENCE));
      expect(change.giveBack).toEqual([]);
      gate = change.gate;
      expect(gate).toMatchObject({ reason: 'outage', sinceMs: NOW });
    }
    expect(PROBE_DELAY_MAX_MS).toBe(300_000);
  });

  it('does not wait longer because of calls that were under way when it began', () => {
    for (const afterMs of [0, 999, 1000, 30_000]) {
      expect(after(outage, NOW + afterMs, ...silences(7)).gate).toEqual(outage);
    }
    const contract = after(OPEN_GATE, NOW, signal(blocked('contract'))).gate;
    expect(after(contract, NOW + 5000, signal(blocked('contract')), ...silences(7)).gate).toEqual(contract);
    for (const word of [REFUSED, MURMUR, SILENCE, blocked('contract')]) {
      expect(after(accused, NOW + 5000, signal(word), ...lone(1, 20)).gate).toEqual(accused);
    }
  });

  it('ends with the first answer, whatever it says', () => {
    for (const word of [ANSWERED, REFUSED, MURMUR]) {
      expect(after(outage, NOW + 1000, signal(word)).gate).toEqual(OPEN_GATE);
    }
    expect(after(outage, NOW + 1000, signal(REFUSED, 'a', 'request/item')).gate.reason).toBeNull();
  });

  it('never begins with more than five minutes between probes', () => {
    const gate = silences(5).reduce<Gate>((before, one) => gateAfter(before, one, NOW, 900_000).gate, OPEN_GATE);
    expect(gate.probeDelayMs).toBe(PROBE_DELAY_MAX_MS);
  });
});

describe('a pause for rate', () => {
  it('lasts as long as was asked, from a second to an hour, and a minute where nothing was asked', () => {
    fc.assert(
      fc.property(fc.option(fc.integer({ min: -5000, max: 8_000_000 })), (askedMs) => {
        const { gate } = after(OPEN_GATE, NOW, signal(blocked('rate', askedMs)));
        const pauseMs = askedMs === null ? 60_000 : Math.min(Math.max(askedMs, 1000), 3_600_000);
        expect(gate).toMatchObject({ reason: 'rate', sinceMs: NOW, untilMs: NOW + pauseMs });
        expect(passage(gate, NOW + pauseMs - 1)).toBe('closed');
        expect(passage(gate, NOW + pauseMs)).toBe('open');
      }),
    );
  });

  it('is not shortened by a later and shorter one, nor ended by an answer', () => {
    const paused = after(OPEN_GATE, NOW, signal(blocked('rate', 100_000))).gate;
    for (const word of [ANSWERED, REFUSED, MURMUR, blocked('rate', 2000), blocked('contract')]) {
      const { gate } = after(paused, NOW + 5000, signal(word));
      expect(gate).toMatchObject({ reason: 'rate', sinceMs: NOW, untilMs: NOW + 100_000 });
    }
    for (const row of [silences(9), lone(25)]) {
      const { gate } = after(paused, NOW + 5000, ...row);
      expect(gate).toMatchObject({ reason: 'rate', untilMs: NOW + 100_000 });
    }
  });

  it('does not hide silence: a row that goes on after it closes the gate', () => {
    const paused = after(OPEN_GATE, NOW, signal(blocked('rate', 1000)), ...silences(4)).gate;
    const change = after(paused, NOW + 1000, signal(SILENCE, 'last'));
    expect(change.gate.reason).toBe('outage');
    expect(change.giveBack).toEqual(['s0', 's1', 's2', 's3']);
  });
});

describe('a block for credentials or quota', () => {
  it('holds for every system of the provider, and through anything that is answered', () => {
    for (const reason of ['credentials', 'quota'] as const) {
      const change = after(OPEN_GATE, NOW, signal(blocked(reason)));
      expect(change.gate).toMatchObject({ reason, sinceMs: NOW, untilMs: null });
      expect(change.wholeProvider).toBe(true);
      const words = [ANSWERED, REFUSED, MURMUR, blocked('rate', 1000), blocked('contract')].map((word) => signal(word));
      const { gate } = after(change.gate, NOW + 5000, ...words, ...silences(9), ...lone(25), signal(ANSWERED));
      expect(gate).toMatchObject({ reason, sinceMs: NOW });
      expect(passage(gate, NOW + 10 ** 12)).toBe('closed');
    }
  });

  it('keeps its first time, and credentials weigh more than quota', () => {
    const quota = after(OPEN_GATE, NOW, signal(blocked('quota'))).gate;
    expect(after(quota, NOW + 1, signal(blocked('quota'))).gate).toEqual(quota);
    const credentials = after(quota, NOW + 1, signal(blocked('credentials'))).gate;
    expect(credentials).toMatchObject({ reason: 'credentials', sinceMs: NOW + 1 });
    expect(after(credentials, NOW + 2, signal(blocked('quota'))).gate).toEqual(credentials);
  });
});

describe('a system that says nothing about IDs (405, 410, 415, 421, 501, redirects)', () => {
  it('is probed as an outage and opens with the first answer', () => {
    const { gate, giveBack } = after(OPEN_GATE, NOW, ...silences(2), signal(blocked('contract')));
    expect(gate).toMatchObject({ reason: 'contract', untilMs: NOW + 1000 });
    expect(giveBack).toEqual(['s0', 's1']);
    expect(passage(gate, NOW + 1000)).toBe('probe');
    const again = after(gate, NOW + 1000, probed(blocked('contract'))).gate;
    expect(again).toMatchObject({ reason: 'contract', sinceMs: NOW, untilMs: NOW + 3000, probeDelayMs: 2000 });
    expect(after(again, NOW + 3000, signal(REFUSED)).gate).toEqual(OPEN_GATE);
    expect(after(again, NOW + 3000, signal(ANSWERED)).gate).toEqual(OPEN_GATE);
  });
});

describe('twenty IDs alone refused in a row', () => {
  it('close the gate and go back to pending, all of them', () => {
    expect(LONE_REFUSED_MAX).toBe(20);
    expect(after(OPEN_GATE, NOW, ...lone(19))).toMatchObject({ gate: { reason: null }, reopen: [] });
    const change = after(OPEN_GATE, NOW, ...lone(20));
    expect(change.gate).toMatchObject({ reason: 'contract', sinceMs: NOW, untilMs: NOW + 1000 });
    expect(change.reopen).toEqual(lone(20).map((one) => one.refusedAlone));
  });

  it('are in a row through refusals in company, silence, outages and pauses, until a call is accepted', () => {
    const between = [signal(REFUSED), ...silences(2), signal(blocked('rate', 1000))];
    const gate = after(OPEN_GATE, NOW, ...lone(19), ...between).gate;
    expect(after(gate, NOW + 1000, ...lone(1, 19)).gate.reason).toBe('contract');
    const dark = after(OPEN_GATE, NOW, ...lone(19), ...silences(5)).gate;
    expect(after(dark, NOW + 1000, ...lone(1, 19)).gate.reason).toBe('contract');
    const accepted = after(OPEN_GATE, NOW, ...lone(19), signal(ANSWERED)).gate;
    expect(after(accepted, NOW, ...lone(19, 19)).gate.reason).toBeNull();
  });

  it('are different IDs: one that is retried and refused again is still one', () => {
    const gate = after(OPEN_GATE, NOW, ...lone(19), ...lone(19), ...lone(19)).gate;
    expect(gate.reason).toBeNull();
  });

  it('take a later one with them, and open for an accepted call only', () => {
    const change = after(accused, NOW + 1000, probed(REFUSED, 'r20', 'request/item20'));
    expect(change).toMatchObject({ gate: { reason: 'contract', probeDelayMs: 2000 }, reopen: ['request/item20'] });
    for (const word of [REFUSED, MURMUR, SILENCE]) {
      expect(after(accused, NOW + 1000, probed(word)).gate).toMatchObject({ reason: 'contract', probeDelayMs: 2000 });
    }
    expect(after(accused, NOW + 1000, signal(ANSWERED)).gate).toEqual(OPEN_GATE);
  });

  it('go back to pending under any other block, too', () => {
    for (const reason of ['rate', 'quota', 'credentials'] as const) {
      const gate = after(OPEN_GATE, NOW, signal(blocked(reason, 100_000))).gate;
      const change = after(gate, NOW + 1, ...lone(20));
      expect(change.reopen).toHaveLength(20);
      expect(change.gate.reason).toBe(reason);
    }
  });
});
