/**
 * The randomised run: many requests over all systems, every fault of the sandbox at once, workers that go down in the
 * middle, and at the end every item compared with what the sandbox holds and did. Replayed by its seed: the world, the
 * faults by ID and the order of what happens to the service are the seed's; only the order of calls is the machine's.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Sandbox } from '../../src/sandbox/sandbox.js';
import type { ItemResource } from '../../src/store/read-items.js';
import { ApiClient, REQUESTS } from '../support/api-client.js';
import { Dice } from './dice.js';
import { fewestCalls, judge } from './random-judge.js';
import type { Verdict } from './random-judge.js';
import { makeWorld } from './random-world.js';

export interface RunningService {
  readonly api: ApiClient;
  /** Takes it down, the hard way where it can. */
  end(): Promise<void>;
}

/** Where the run takes place: a sandbox, and a service that can be started as often as one likes on the same database. */
export interface Stage {
  readonly sandbox: Sandbox;
  start(): Promise<RunningService>;
  sql(text: string): Promise<unknown>;
}

export interface RandomReport extends Verdict {
  readonly seed: number;
  readonly items: number;
  readonly requests: number;
  readonly calls: number;
  readonly fewestCalls: number;
  readonly restarts: number;
  readonly outcomesUnderFaults: Readonly<Record<string, number>>;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Items that never settled, and requests whose counts are not those of their items. */
  readonly lost: string[];
}

/** Short times, so that what goes wrong goes wrong often. */
export const RANDOM_RUN_ENV = {
  PROVIDER_TIMEOUT_MS: '400',
  LEASE_MARGIN_MS: '400',
  BATCH_LINGER_MS: '20',
  RETRY_BASE_MS: '5',
} as const;

/** In between, things happen to the installation. */
const CHUNKS = 40;
/** After the last request is in, for as long as something is pending. */
const DISTURBANCES_MIN = 40;
const SETTLE_WITHIN_MS = 240_000;

export async function runRandom(
  stage: Stage,
  seed: number,
  itemsWanted: number,
  chaosMs: number,
): Promise<RandomReport> {
  const { sandbox } = stage;
  const world = makeWorld(seed, itemsWanted);
  const targets = world.requests.flat();
  sandbox.data.seed(world.seed);
  sandbox.faults.add({ rules: world.rules, ids: world.faultsById });

  const troupe = new Troupe(stage, new Dice(seed + 1));
  await troupe.begin();
  const ids: string[] = [];
  const chunk = Math.ceil(world.requests.length / CHUNKS);
  const endMs = performance.now() + chaosMs;
  for (let from = 0; from < world.requests.length; from += chunk) {
    for (const [no, request] of world.requests.slice(from, from + chunk).entries()) {
      ids.push((await troupe.api.submit({ subject: { ref: `s${from + no}` }, targets: request })).id);
    }
    await troupe.disturb();
  }
  for (let no = 0; (no < DISTURBANCES_MIN || performance.now() < endMs) && (await troupe.hasPending()); no += 1) {
    await troupe.disturb();
  }
  const under = await troupe.look(ids);
  const underFaults = judge(sandbox, under, targets);

  sandbox.faults.clear();
  await troupe.settle();
  const settled = await troupe.look(ids);
  const afterFaults = judge(sandbox, settled, targets);
  await troupe.retry();
  const lost = await troupe.settle();
  const last = await troupe.look(ids);
  const afterRetry = judge(sandbox, last, targets);
  lost.push(...(await troupe.miscounted(ids)));
  for (const item of last) {
    if (['failed', 'unconfirmed', 'pending'].includes(item.outcome)) {
      lost.push(`${item.system} ${item.kind} ${item.externalId}: ${item.outcome} without any fault left`);
    }
  }
  const all = [underFaults, afterFaults, afterRetry];
  const report = {
    seed,
    items: last.length,
    requests: ids.length,
    calls: sandbox.ledger.calls().length,
    fewestCalls: fewestCalls(targets),
    restarts: troupe.restarts,
    outcomesUnderFaults: tally(settled),
    outcomes: tally(last),
    falselyGone: all.flatMap((verdict) => verdict.falselyGone),
    bystanders: afterRetry.bystanders,
    wrongHistory: all.flatMap((verdict) => verdict.wrongHistory),
    lost,
  };
  await troupe.end();
  return report;
}

function tally(items: readonly ItemResource[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { outcome, evidence, reason } of items) {
    const beside = evidence ?? reason;
    const word = beside === null ? outcome : `${outcome}/${beside}`;
    counts[word] = (counts[word] ?? 0) + 1;
  }
  return counts;
}

/** The services of a run, and everything that happens to them. */
class Troupe {
  restarts = 0;
  private readonly running: RunningService[] = [];

  constructor(
    private readonly stage: Stage,
    private readonly dice: Dice,
  ) {}

  get api(): ApiClient {
    const [first] = this.running;
    if (!first) throw new Error('no service runs');
    return first.api;
  }

  async begin(): Promise<void> {
    this.running.push(await this.stage.start(), await this.stage.start());
  }

  async end(): Promise<void> {
    await Promise.all(this.running.map(async (service) => service.end()));
  }

  /** One thing that happens to installations. */
  async disturb(): Promise<void> {
    await this.hurry();
    await pause(200);
    switch (this.dice.below(6)) {
      case 0: {
        this.running.push(await this.stage.start());
        const gone = this.running.splice(this.dice.below(2), 1);
        this.restarts += 1;
        await Promise.all(gone.map(async (service) => service.end()));
        return;
      }
      case 1:
        // A worker that hangs: its calls are given up, and their answers come late.
        await this.stage.sql("update batch set lease_until = now() - interval '1 second' where state = 'sending'");
        return;
      case 2:
        await this.stage.sandbox.down();
        await pause(100);
        await this.stage.sandbox.up();
        break;
      default:
    }
  }

  async hasPending(): Promise<boolean> {
    const pending = await this.stage.sql("select 1 from item where outcome = 'pending' limit 1");
    return Array.isArray(pending) && pending.length > 0;
  }

  /** Time passes, and a person lifts what is blocked. */
  private async hurry(): Promise<void> {
    await this.stage.sql("update item set due_at = now() where outcome = 'pending' and due_at > now()");
    for (const system of ['velt.documents', 'supermemory.documents']) {
      await this.api.expect(200, 'POST', `/v1/systems/${system}/resume`);
    }
  }

  /** Waits until nothing is pending, and gives what still is when that takes too long. */
  async settle(): Promise<string[]> {
    for (const deadlineMs = performance.now() + SETTLE_WITHIN_MS; ;) {
      const pending = await this.stage.sql(
        "select system, kind, spent, backoff from item where outcome = 'pending' limit 20",
      );
      if (Array.isArray(pending) && pending.length === 0) return [];
      if (performance.now() > deadlineMs) return [`still pending: ${JSON.stringify(pending)}`];
      await this.hurry();
      await pause(500);
    }
  }

  async retry(): Promise<void> {
    const open = await this.api.pages<{ readonly id: string }>(`${REQUESTS}?status=attention`);
    for (const { id } of open) await this.api.expect(202, 'POST', `${REQUESTS}/${id}/retry`);
  }

  async look(ids: readonly string[]): Promise<ItemResource[]> {
    const items: ItemResource[] = [];
    for (const id of ids) items.push(...(await this.api.items(id)));
    return items;
  }

  async miscounted(ids: readonly string[]): Promise<string[]> {
    const wrong: string[] = [];
    for (const id of ids) {
      const { counts } = await this.api.request(id);
      const items = await this.api.items(id);
      for (const [outcome, count] of Object.entries(counts)) {
        const real = outcome === 'total' ? items.length : items.filter((item) => item.outcome === outcome).length;
        if (real !== count) wrong.push(`request ${id} counts ${count} ${outcome} and has ${real}`);
      }
    }
    return wrong;
  }
}
