/** Rows 6 to 8: workers that stand still, that are busy with themselves, or that have the time wrong. */
import { setTimeout as pause } from 'node:timers/promises';
import { LEASE_MS } from '../stage.js';
import { BOTH, underLoad } from './row.js';
import type { Row } from './row.js';

/** How much longer than a lease a worker stands still. */
const BEYOND_MS = 2_000;
const MINUTE_MS = 60_000;

export const zombies: Row = {
  no: 6,
  fault: 'a worker stopped for longer than its leases (SIGSTOP), that wakes up again',
  backends: BOTH,
  seconds: 30,
  stage: { latencyMs: 400 },
  async run(scene) {
    const { stage, dice, thorough } = scene;
    await stage.cast(2);
    await underLoad(scene, thorough ? 60 : 30, 300, async () => {
      for (let round = 0; round < (thorough ? 4 : 2); round += 1) {
        await pause(500 + dice.below(800));
        const zombie = dice.one(stage.running('worker'));
        await stage.during(`SIGSTOP of ${zombie.name}`, true, async () => {
          zombie.signal('SIGSTOP');
          await pause(LEASE_MS + BEYOND_MS);
          zombie.signal('SIGCONT');
        });
      }
    });
  },
};

export const blockedLoops: Row = {
  no: 7,
  fault: 'a worker whose event loop is blocked for longer than its leases',
  backends: BOTH,
  seconds: 30,
  stage: { latencyMs: 400 },
  async run(scene) {
    const { stage, dice, thorough } = scene;
    const busyMs = LEASE_MS + BEYOND_MS;
    await stage.cast(1);
    const busy = await stage.start('worker', { disturbance: { busyMs } });
    await underLoad(scene, thorough ? 60 : 30, 300, async () => {
      for (let round = 0; round < (thorough ? 4 : 2); round += 1) {
        await pause(500 + dice.below(800));
        // It hears the signal late on a busy machine, and works through what has waited for it.
        await stage.during(`the loop of ${busy.name} blocked`, true, async () => {
          busy.signal('SIGUSR2');
          await pause(busyMs + BEYOND_MS);
        });
      }
    });
  },
};

export const wrongClocks: Row = {
  no: 8,
  fault: 'workers whose clocks are wrong by a minute, by ten, and step to and fro',
  backends: BOTH,
  seconds: 25,
  async run(scene) {
    const { stage, dice, thorough } = scene;
    const sign = dice.chance(0.5) ? 1 : -1;
    const clocks = [
      { offsetMs: sign * MINUTE_MS },
      { offsetMs: -sign * 10 * MINUTE_MS },
      { offsetMs: 10 * MINUTE_MS, stepEveryMs: 700 },
    ];
    await stage.start('api');
    await Promise.all(clocks.map(async (clock) => stage.start('worker', { disturbance: { clock } })));
    stage.mustHave(true, `clocks: ${JSON.stringify(clocks)}`);
    await underLoad(scene, thorough ? 60 : 25, 300, () => Promise.resolve());
    // Nothing here counts as a crash: with Postgres' clock alone no call is lost, and none repeated.
  },
};
