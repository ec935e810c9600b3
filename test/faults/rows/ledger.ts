/** Rows 34 to 36: the ledger tampered with, its sealer killed at every step, and exports that are cut. */
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ApiClient } from '../../support/api-client.js';
import { until } from '../../support/until.js';
import { dieAt, EXPORT_FAILPOINT, SEALER_FAILPOINTS } from '../failpoints.js';
import { takeExport } from '../period-exports.js';
import type { ServiceProcess } from '../processes.js';
import type { Stage } from '../stage.js';
import { TAIL_CUT, Vandal, WAYS } from '../tampering.js';
import type { Settled, Way } from '../tampering.js';
import { BOTH, heard, shuffled, underLoad } from './row.js';
import type { Row, Scene } from './row.js';

const REFUSED = 'THE LEDGER WAS TAMPERED WITH';
/** In the sample not all of them: an audit is a process of its own. */
const WAYS_IN_SAMPLE = 3;
const PLACES_IN_SAMPLE = 3;
const DEAD_WITHIN_MS = 30_000;
const SETTLED = `select e.stream, e.seq, e.leaf_index::float8 as "leafIndex" from ledger_event e
  join erasure_request r on r.id::text = e.stream and r.pending = 0
  where not exists (select from ledger_event o where o.stream = e.stream and o.leaf_index is null) order by e.leaf_index`;
const SNAPSHOTS = `select from pg_stat_activity
  where datname = current_database() and query like 'fetch forward%' and state like 'idle in transaction%'`;
/** Of two requests: three pages of the export's. */
const LARGE = 3_000;
const GONE_AFTER_BYTES = 20_000;

export const tampering: Row = {
  no: 34,
  fault: 'the ledger tampered with by somebody who may do anything to the database, while the service works',
  backends: BOTH,
  seconds: 45,
  async run(scene) {
    const { stage, submitter, thorough } = scene;
    await stage.cast(1);
    await submitter.submitMany(6);
    await stage.quiet(20_000);
    const vandal = await Vandal.enter(stage);
    try {
      const ways = shuffled(scene, WAYS).slice(0, thorough ? WAYS.length : WAYS_IN_SAMPLE);
      await underLoad(scene, 4 * ways.length, 500, async () => {
        for (const way of ways) await submitter.withoutLedger(async () => auditSees(scene, vandal, way));
        for (const attack of sealerAttacks(scene)) {
          await submitter.withoutLedger(async () => sealersRefuse(scene, vandal, attack));
        }
      });
      await stage.quiet(20_000);
      await submitter.withoutLedger(async () => auditSees(scene, vandal, TAIL_CUT));
      const { code, said } = await audit(stage, await checkpointOf(stage));
      scene.expect(code === 0, `everything put back, the audit says: ${said}`);
    } finally {
      await vandal.leave();
    }
  },
};

/** Tampers, has the ledger audited against a checkpoint that was kept, and puts everything back. */
async function auditSees({ stage, dice, expect }: Scene, vandal: Vandal, way: Way): Promise<void> {
  const events = await until('settled requests to be sealed', async () => {
    const found = await stage.sql<Settled>(SETTLED);
    return new Set(found.map(({ stream }) => stream)).size > 3 ? found : undefined;
  });
  let expected: RegExp | null = null;
  let kept = '';
  await vandal.whileLocked(
    async () => {
      kept = await checkpointOf(stage);
      expected = await way.tamper(vandal, events, dice);
    },
    async () => {
      const { code, said } = await audit(stage, kept);
      expect(code === 1 && expected?.test(said) === true, `${way.what}: ${said}`);
    },
  );
}

async function checkpointOf(stage: Stage): Promise<string> {
  const api = await stage.anApi();
  return (await api.call('GET', '/v1/ledger/checkpoint')).text;
}

function audit(stage: Stage, checkpoint: string): Promise<{ readonly code: number | null; readonly said: string }> {
  const file = join(tmpdir(), `${stage.database}-${process.pid}-checkpoint.txt`);
  writeFileSync(file, checkpoint);
  return stage.program('audit-ledger', file);
}

interface Attack {
  readonly what: string;
  readonly tamper: string;
  readonly undo: string;
  readonly refusal: RegExp;
}

/** What those who sign must see by themselves, before they sign on top of it. */
function sealerAttacks({ dice, thorough }: Scene): readonly Attack[] {
  const newest = '(select max(size) from ledger_checkpoint)';
  const flip = 'set_byte(hashes, octet_length(hashes) - 1, 255 - get_byte(hashes, octet_length(hashes) - 1))';
  const edge = `update ledger_tile set hashes = ${flip} where level = 0 and no = (select max(no) from ledger_tile where level = 0)`;
  const root = `update ledger_checkpoint set root = set_byte(root, 7, 255 - get_byte(root, 7)) where size = ${newest}`;
  const attacks = [
    {
      what: 'the edge of the tree changed',
      tamper: edge,
      undo: edge,
      refusal: /no longer has the root that was signed/,
    },
    {
      what: "the newest head's root changed",
      tamper: root,
      undo: root,
      refusal: /no longer has the root that was signed/,
    },
  ];
  return thorough ? attacks : [dice.one(attacks)];
}

async function sealersRefuse({ stage, submitter, expect }: Scene, vandal: Vandal, attack: Attack): Promise<void> {
  const size = async (): Promise<number> =>
    (await stage.sql<{ size: number }>('select max(size)::float8 as size from ledger_checkpoint'))[0]?.size ?? -1;
  const refusals = (): string[] => stage.processes.flatMap(({ log }) => log.filter((line) => line.includes(REFUSED)));
  const before = refusals().length;
  let atSize = -1;
  await vandal.amongSealers(
    attack.tamper,
    async () => {
      atSize = await size();
      await submitter.submit();
      const seen = await until('a sealer to refuse', () => refusals()[before]);
      expect(
        attack.refusal.test(seen) && (await size()) === atSize,
        `${attack.what}: refused, and nothing more is signed`,
      );
      const [id = ''] = submitter.ids;
      const { status } = await (await stage.anApi()).call('GET', `/v1/erasure-requests/${id}/evidence`);
      expect(status === 500 || status === 503, `${attack.what}: evidence is answered with ${status}`);
    },
    attack.undo,
  );
  await until('sealing to go on', async () => ((await size()) > atSize ? true : undefined));
}

export const killedSealer: Row = {
  no: 35,
  fault: 'kill -9 of whoever seals, at each step, while others seal too',
  backends: BOTH,
  seconds: 30,
  async run(scene) {
    const { stage, submitter, thorough } = scene;
    await stage.cast(1);
    await submitter.submitMany(3);
    await stage.quiet(20_000);
    const places = shuffled(scene, SEALER_FAILPOINTS).slice(0, thorough ? SEALER_FAILPOINTS.length : PLACES_IN_SAMPLE);
    await underLoad(scene, 4 * places.length, 500, async () => {
      for (const place of places) {
        // It seals from its start on, and may be dead before it is ready.
        const victim = stage.spawn('api', { disturbance: dieAt(place, 1) });
        const dead = heard(stage.diesAt(victim, place));
        if (await victim.ready()) await sealUntilDead(scene, victim, dead);
        await dead;
      }
    });
    await stage.quiet(20_000);
    const { code, said } = await audit(stage, await checkpointOf(stage));
    scene.expect(code === 0, `the audit says: ${said}`);
  },
};

/** Evidence of the same requests at once from the one to be killed and from another: each has something to seal by that. */
async function sealUntilDead(
  { stage, submitter, dice }: Scene,
  victim: ServiceProcess,
  dead: Promise<void>,
): Promise<void> {
  const other = await stage.anApi();
  const both = [other, new ApiClient(victim.url ?? '', other.key)];
  const over = heard(dead.then(() => true));
  for (const endMs = performance.now() + DEAD_WITHIN_MS; performance.now() < endMs;) {
    const path = `/v1/erasure-requests/${dice.one(submitter.ids)}/evidence`;
    await Promise.all(both.map(async (api) => api.call('GET', path).catch(() => null)));
    if (await Promise.race([over, pause(100, false)])) return;
  }
}

export const cutExports: Row = {
  no: 36,
  fault: 'exports while items settle; the process that exports killed half-way; readers that go away',
  backends: BOTH,
  seconds: 45,
  stage: { latencyMs: 200, env: { SUPERMEMORY_IDS_PER_CALL: '100' } },
  async run(scene) {
    const { stage, submitter, expect } = scene;
    await stage.cast(1);
    const api = await stage.anApi();
    await Promise.all([submitter.submitLarge(LARGE), submitter.submitLarge(LARGE)]);
    await underLoad(scene, 6, 300, async () => {
      for (const format of ['csv', 'ndjson', 'csv', 'ndjson', 'csv'] as const) {
        stage.exports.push(await takeExport(api, format));
      }
      stage.exports.push(await takeExport(api, 'csv', GONE_AFTER_BYTES));
      const left = async (): Promise<true | undefined> =>
        (await stage.sql(SNAPSHOTS)).length === 0 ? true : undefined;
      expect(await until('the snapshot to be let go of', left), 'a reader who goes away leaves no snapshot behind');
      const victim = await stage.start('api', { disturbance: dieAt(EXPORT_FAILPOINT, 3) });
      const dead = heard(stage.diesAt(victim, EXPORT_FAILPOINT));
      stage.exports.push(await takeExport(new ApiClient(victim.url ?? '', api.key), 'ndjson'));
      await dead;
    });
    const isUnderWay = ({ text }: { text: string }): boolean => text.includes('pending') && text.includes('erased');
    const [whole, cut] = [stage.exports.filter((one) => !one.cut), stage.exports.filter((one) => one.cut)];
    stage.mustHave(
      whole.some(isUnderWay),
      `${whole.length} whole exports, ${whole.filter(isUnderWay).length} while items settled`,
    );
    stage.mustHave(cut.length === 2 && cut.every(({ text }) => text.length > 0), `${cut.length} exports cut half-way`);
    stage.exports.push(await takeExport(api, 'csv'));
  },
};
