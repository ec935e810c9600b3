import { describe, expect, it } from 'vitest';
import { Deliveries } from '../../src/queue/deliveries.js';

describe('batches that come back untaken', () => {
  it('count from the first to the last of them, while nothing was brought', () => {
    const deliveries = new Deliveries();
    expect(deliveries.undeliveredMs('a', 0)).toBeNull();
    deliveries.cameBack('a', 1_000);
    expect(deliveries.undeliveredMs('a', 2_000)).toBe(0);
    deliveries.cameBack('a', 46_000);
    deliveries.cameBack('a', 91_000);
    expect(deliveries.undeliveredMs('a', 92_000)).toBe(90_000);
    expect(deliveries.undeliveredMs('b', 92_000)).toBeNull();
  });

  it('mean nothing once a job was brought, while one is worked on, or long after', () => {
    const deliveries = new Deliveries();
    for (const nowMs of [1_000, 46_000]) deliveries.cameBack('a', nowMs);
    expect(deliveries.undeliveredMs('a', 140_000)).toBeNull();
    deliveries.began('a');
    deliveries.cameBack('a', 141_000);
    deliveries.cameBack('a', 190_000);
    expect(deliveries.undeliveredMs('a', 190_000)).toBeNull();
    deliveries.ended('a');
    expect(deliveries.undeliveredMs('a', 190_000)).toBe(49_000);
    deliveries.began('a');
    deliveries.ended('a');
    expect(deliveries.undeliveredMs('a', 190_000)).toBeNull();
  });

  it('that lie far apart are not one trouble', () => {
    const deliveries = new Deliveries();
    for (const nowMs of [0, 100_000, 140_000]) deliveries.cameBack('a', nowMs);
    expect(deliveries.undeliveredMs('a', 140_000)).toBe(40_000);
  });
});
