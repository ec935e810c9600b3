/** Rows 1 to 5 and 24: processes that are killed, at random, at named places, all at once, or told to stop. */
import { setTimeout as pause } from 'node:timers/promises';
import { API_FAILPOINTS, dieAt, WORKER_FAILPOINTS } from '../failpoints.js';
import { BOTH, heard, randomWait, shuffled, underLoad } from './row.js';
import type { Row, Scene } from './row.js';

const STOP_WITHIN_MS = 30_000;
const STALLS = 5;
/** Most kills are to hit somebody at work; some come when they come. */
const HITS_WORK = 0.75;
const WORK_WITHIN_MS = 5_000;

export const randomKills: Row = {
  no: 1,
  fault: 'kill -9 of a worker at a random moment, in a loop',
  backends: BOTH,
  seconds: 30,
  stage: { latencyMs: 500 },
  async run(scene) {
    const { stage, dice, thorough } = scene;
    await stage.cast(3);
    const kills = thorough ? 25 : 8;
    let underWay = 0;
    await underLoad(scene, 2 * kills, 300, async () => {
      for (let no = 0; no < kills; no += 1) {
        await randomWait(dice, 400);
        if (dice.chance(HITS_WORK)) underWay += await callsUnderWay(scene);
        const ready = stage.running('worker').filter(({ url }) => url !== null);
        await stage.kill(dice.one(ready.length > 0 ? ready : stage.running('worker')));
        stage.spawn('worker');
      }
    });
    stage.mustHave(underWay > 0, `${underWay} calls under way at ${kills} kills`);
  },
};

export const workerFailpoints: Row = {
  no: 2,
  fault: 'kill -9 of a worker at each named place',
  backends: BOTH,
  seconds: 35,
  async run(scene) {
    const { stage, submitter, dice } = scene;
    await stage.cast(1);
    for (const place of shuffled(scene, WORKER_FAILPOINTS)) {
      const victim = await stage.start('worker', { disturbance: dieAt(place, 1 + dice.below(2)) });
      await feedUntilDead(scene, victim.name, heard(stage.diesAt(victim, place)));
    }
    await submitter.submit();
  },
};

export const apiFailpoints: Row = {
  no: 3,
  fault: 'kill -9 of the API at each named place, and a caller who comes again with the same key',
  backends: BOTH,
  seconds: 25,
  async run(scene) {
    const { stage, submitter } = scene;
    await stage.start('worker');
    for (const place of shuffled(scene, API_FAILPOINTS)) {
      const victim = await stage.start('api', { disturbance: dieAt(place, 1) });
      const acceptedBefore = submitter.ids.length;
      const sent = heard(submitter.submit());
      await stage.diesAt(victim, place);
      const accepted = submitter.ids.length > acceptedBefore;
      const afterReply = place === 'after reply, before doorbell';
      scene.expect(accepted === afterReply, `killed ${place}, the caller ${accepted ? 'had' : 'had not'} its 202`);
      const next = heard(stage.start('api'));
      await sent;
      await stage.kill(await next);
    }
    await stage.start('api');
    await submitter.submitMany(2);
  },
};

export const allAtOnce: Row = {
  no: 4,
  fault: 'kill -9 of everything at once, started again in random order',
  backends: BOTH,
  seconds: 30,
  async run(scene) {
    const { stage, dice, thorough } = scene;
    await stage.cast(2);
    const rounds = thorough ? 4 : 2;
    await underLoad(scene, 8 * rounds, 500, async () => {
      for (let no = 0; no < rounds; no += 1) {
        await pause(1000);
        await randomWait(dice, 700);
        await Promise.all(stage.processes.filter((one) => one.runs).map(async (one) => stage.kill(one)));
        for (const role of shuffled(scene, ['api', 'worker', 'worker'] as const)) {
          const next = stage.spawn(role);
          if (dice.chance(0.5)) await next.ready();
        }
        await Promise.all(stage.running('worker').map(async (one) => one.ready()));
      }
    });
  },
};

export const rollingStop: Row = {
  no: 5,
  fault: 'SIGTERM of one worker after the other under load',
  backends: BOTH,
  seconds: 25,
  async run(scene) {
    const { stage } = scene;
    await stage.cast(3);
    await underLoad(scene, 20, 300, async () => {
      for (const old of stage.running('worker')) {
        await pause(500);
        const tookMs = await old.stop();
        scene.expect(tookMs < STOP_WITHIN_MS, `${old.name} stopped within ${Math.round(tookMs)} ms`);
        scene.expect(old.end?.code === 0, `${old.name} ended with ${old.end?.code ?? old.end?.signal}`);
        await stage.start('worker');
      }
    });
    // No call is repeated because of it: nothing here counts as a crash, so any repeat is a breach of I6.
  },
};

export const sameJobAgain: Row = {
  no: 24,
  fault: 'five crashes in a row on one job, which is where BullMQ gives it up for good',
  backends: BOTH,
  seconds: 60,
  async run(scene) {
    const { stage, submitter } = scene;
    await stage.start('api');
    await submitter.submit();
    const place = 'after attempt row, before send';
    for (let no = 0; no < STALLS; no += 1) {
      await stage.diesAt(await stage.start('worker', { disturbance: dieAt(place, 1) }), place);
    }
  },
};

/** Waits until calls are under way, for a while, and says how many. */
async function callsUnderWay({ stage }: Scene): Promise<number> {
  const { ledger } = stage.sandbox;
  const count = (): number => ledger.inFlight('velt') + ledger.inFlight('supermemory');
  for (const endMs = performance.now() + WORK_WITHIN_MS; performance.now() < endMs && count() === 0;) await pause(10);
  return count();
}

/** Gives the process something to come past its failpoint with, until it is dead. */
async function feedUntilDead({ submitter }: Scene, name: string, dead: Promise<void>): Promise<void> {
  const over = heard(dead.then(() => true));
  for (let no = 0; no < 40; no += 1) {
    await submitter.submit();
    if (await Promise.race([over, pause(400, false)])) return;
  }
  await dead.catch((error: unknown) => {
    throw new Error(`${name} never came to its failpoint`, { cause: error });
  });
}
