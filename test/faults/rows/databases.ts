/** Rows 9 to 14: Postgres is killed, away, unreachable, or answers with errors. */
import { setTimeout as pause } from 'node:timers/promises';
import { submitOnce } from '../submitter.js';
import { BOTH, underLoad } from './row.js';
import type { Row } from './row.js';

const SHARE_OF_STATEMENTS = 0.05;

export const killedPostgres: Row = {
  no: 9,
  fault: 'Postgres stopped at once (pg_ctl -m immediate), and back',
  backends: BOTH,
  seconds: 30,
  async run(scene) {
    const { stage, dice, thorough } = scene;
    await stage.cast(2);
    await underLoad(scene, 24, 350, async () => {
      for (let round = 0; round < (thorough ? 3 : 1); round += 1) {
        await pause(1_500 + dice.below(1_500));
        await stage.during('Postgres killed', true, async () => stage.postgres.killImmediately());
        stage.mustHave(true, 'Postgres was killed and is back');
      }
    });
  },
};

export const terminatedBackends: Row = {
  no: 10,
  fault: 'pg_terminate_backend on connections at random',
  backends: BOTH,
  seconds: 30,
  async run(scene) {
    const { stage, dice, thorough } = scene;
    await stage.cast(2);
    let ended = 0;
    const forMs = thorough ? 30_000 : 8_000;
    await underLoad(scene, forMs / 500, 450, async () => {
      await stage.during('connections ended', true, async () => {
        for (const endMs = performance.now() + forMs; performance.now() < endMs;) {
          const done = await stage.sql(
            `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()
              and application_name <> 'expunge-faults' order by random() limit 1`,
          );
          ended += done.length;
          await pause(200 + dice.below(800));
        }
      });
    });
    stage.mustHave(ended > 4, `${ended} connections ended`);
  },
};

export const awayPostgres: Row = {
  no: 11,
  fault: 'Postgres away for a while',
  backends: BOTH,
  seconds: 35,
  stage: { proxied: true },
  async run(scene) {
    const { stage, submitter, thorough } = scene;
    await stage.cast(2);
    await submitter.submitMany(4);
    const awayMs = thorough ? 30_000 : 6_000;
    const statuses = new Map<string, number>();
    const { record, key } = submitter.plan();
    await stage.during('Postgres away', true, async () => {
      await stage.postgres.away(async () => {
        const api = await stage.anApi();
        for (const endMs = performance.now() + awayMs; performance.now() < endMs; await pause(300)) {
          const answer = await submitOnce(api, key, record.body);
          const when = answer?.headers.has('retry-after') === true ? ' with Retry-After' : '';
          const said = `${answer?.status ?? 'none'}${when}`;
          statuses.set(said, (statuses.get(said) ?? 0) + 1);
        }
      });
      await stage.reconnect();
    });
    const all503 = statuses.size === 1 && statuses.has('503 with Retry-After');
    scene.expect(all503, `answers while Postgres was away: ${JSON.stringify([...statuses])}`);
    await submitter.push(record, key);
    await submitter.submitMany(3);
  },
};

export const halfOpen: Row = {
  no: 12,
  fault: 'half-open connections to Postgres and Redis: everything vanishes, and nobody is told',
  backends: BOTH,
  seconds: 50,
  stage: { proxied: true },
  async run(scene) {
    const { stage, dice } = scene;
    await stage.cast(2);
    await underLoad(scene, 10, 300, async () => {
      await pause(1_000 + dice.below(1_000));
      await stage.during('connections half-open', true, async () => {
        stage.proxy.blackhole();
        stage.redisProxy?.blackhole();
        await pause(3_000);
        stage.proxy.heal();
        stage.redisProxy?.heal();
        // The old connections stay dead: that they are is for the service to find out.
        await pause(30_000);
      });
    });
  },
};

export const lostCommits: Row = {
  no: 13,
  fault: 'COMMIT sent, and its answer lost',
  backends: BOTH,
  seconds: 25,
  stage: { proxied: true },
  async run(scene) {
    const { stage, submitter, thorough } = scene;
    await stage.cast(2);
    const rounds = thorough ? 20 : 8;
    await stage.during('answers to COMMIT lost', true, async () => {
      for (let round = 0; round < rounds; round += 1) {
        stage.proxy.dropCommitReplies(1 + (round % 3));
        await submitter.submit();
        await pause(400);
      }
    });
    stage.proxy.dropCommitReplies(0);
    stage.mustHave(stage.proxy.dropped >= rounds / 2, `${stage.proxy.dropped} answers to COMMIT dropped`);
  },
};

export const failingStatements: Row = {
  no: 14,
  fault: 'serialization failures, deadlocks and lock time-outs on 5 % of all statements',
  backends: BOTH,
  seconds: 30,
  async run(scene) {
    const { stage, dice, thorough } = scene;
    const armed = (): { disturbance: { statementErrors: { share: number; seed: number } } } => ({
      disturbance: { statementErrors: { share: SHARE_OF_STATEMENTS, seed: dice.below(1_000_000) } },
    });
    await Promise.all([stage.start('api', armed()), stage.start('worker', armed()), stage.start('worker', armed())]);
    await stage.during('statements fail', true, async () => {
      for (const one of stage.processes) one.signal('SIGUSR2');
      await underLoad(scene, thorough ? 60 : 25, 300, () => pause(1_000));
      const [row] = await stage.sql<{ n: number }>('select count(*)::int as n from attempt');
      stage.mustHave((row?.n ?? 0) > 0, `${row?.n ?? 0} attempts with failing statements`);
    });
    await Promise.all(stage.processes.map(async (one) => one.stop()));
    await Promise.all([stage.start('api'), stage.start('worker')]);
  },
};
