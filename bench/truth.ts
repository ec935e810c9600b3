/**
 * 20,000 random items in many requests over all three systems, with every fault of the sandbox at once and workers that
 * are killed in the middle; at the end every item is compared with what the sandbox holds and did. `TRUTH_SEED` replays
 * a run, `TRUTH_ITEMS` makes it smaller.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { SANDBOX_KEYS, startSandbox } from '#src/sandbox/sandbox.js';
import { startEmbeddedPostgres } from '#src/store/embedded-postgres.js';
import { ApiClient } from '../test/support/api-client.js';
import { RANDOM_RUN_ENV, runRandom } from '../test/truth/random.js';
import type { RunningService } from '../test/truth/random.js';
import { ORGANIZATION_DIALECTS } from '../test/truth/random-world.js';
import { startScript } from './processes.js';

const ITEMS = Number(process.env['TRUTH_ITEMS'] ?? 20_000);
const CHAOS_MS = 90_000;
const KEY = 'truth-truth-truth-truth-truth-truth-truth';

/** Runs the bench and prints what came of it. Gives false when anything was said or deleted that should not have been. */
export async function benchTruth(): Promise<boolean> {
  const seed = Number(process.env['TRUTH_SEED'] ?? randomBytes(3).readUIntBE(0, 3));
  process.stdout.write(`truth: ${ITEMS} random items under all faults, seed ${seed}\n`);
  const dir = mkdtempSync(join(tmpdir(), 'expunge-truth-'));
  const postgres = await startEmbeddedPostgres({ dataDir: join(dir, 'data'), durable: false, log: () => undefined });
  const sandbox = await startSandbox({ organizationDialects: ORGANIZATION_DIALECTS, randomSeed: seed });
  const database = new Client({ connectionString: postgres.url });
  await database.connect();
  const env = environment(postgres.url, sandbox.url);
  try {
    const report = await runRandom(
      { sandbox, start: () => startService(env), sql: async (text) => (await database.query<object>(text)).rows },
      seed,
      ITEMS,
      CHAOS_MS,
    );
    const { falselyGone, bystanders, wrongHistory, lost, calls, fewestCalls, restarts } = report;
    const say = (label: string, value: string | number) => process.stdout.write(`  ${label.padEnd(44)}${value}\n`);
    say('items, discovered ones too', report.items);
    say('requests', report.requests);
    say('workers killed', restarts);
    say('calls made', calls);
    say('fewest calls possible', `${fewestCalls}  (${(calls / fewestCalls).toFixed(2)} times as many)`);
    say('outcomes when the faults ended', JSON.stringify(report.outcomesUnderFaults));
    say('outcomes after a retry without faults', JSON.stringify(report.outcomes));
    say('called gone and still there', falselyGone.length);
    say('deleted and not asked for', bystanders.length);
    say('said of a deletion what was not so', wrongHistory.length);
    say('lost or miscounted', lost.length);
    const wrong = [...falselyGone, ...bystanders, ...wrongHistory, ...lost];
    for (const line of wrong.slice(0, 20)) process.stdout.write(`    ${line}\n`);
    return wrong.length === 0;
  } finally {
    await database.end();
    await sandbox.close();
    await postgres.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

function environment(databaseUrl: string, providerUrl: string): Readonly<Record<string, string>> {
  const signing = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
  return {
    ...RANDOM_RUN_ENV,
    DATABASE_URL: databaseUrl,
    DATA_KEY: randomBytes(32).toString('base64'),
    LEDGER_SIGNING_KEY: signing.toString(),
    PORT: '0',
    LOG_LEVEL: 'info',
    BOOTSTRAP_API_KEY: KEY,
    VELT_API_URL: providerUrl,
    VELT_API_KEY: SANDBOX_KEYS.velt.apiKey,
    VELT_AUTH_TOKEN: SANDBOX_KEYS.velt.authToken,
    SUPERMEMORY_API_URL: providerUrl,
    SUPERMEMORY_API_KEY: SANDBOX_KEYS.supermemory.apiKey,
  };
}

/** A service in a process of its own, which ends by a kill: it has no last word. */
async function startService(env: Readonly<Record<string, string>>): Promise<RunningService> {
  const service = await startScript('dist/main.js', [], env, (line) => line.includes('"ready"'));
  const { url } = JSON.parse(service.firstLine) as { url: string };
  return {
    api: new ApiClient(url, KEY),
    end: async () => {
      service.process.kill('SIGKILL');
      await service.stop();
    },
  };
}
