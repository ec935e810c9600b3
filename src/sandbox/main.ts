import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { readFaultSettings } from './fault-plan.js';
import { readSeed } from './seed.js';
import { startSandbox } from './sandbox.js';
import { VELT_DIALECTS } from './settings.js';

/** `node dist/sandbox/main.js`: a sandbox as its own process. Prints one line of JSON, `{"url", "controlUrl"}`. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      'latency-ms': { type: 'string', default: '0' },
      'seed-file': { type: 'string' },
      faults: { type: 'string', default: '{}' },
      dialect: { type: 'string', default: 'seed' },
    },
  });
  const dialect = VELT_DIALECTS.find((known) => known === values.dialect);
  if (dialect === undefined) throw new Error(`--dialect is one of ${VELT_DIALECTS.join(', ')}`);
  const seedFile = values['seed-file'];
  const sandbox = await startSandbox({
    port: readWhole(values.port, '--port'),
    latencyMs: readWhole(values['latency-ms'], '--latency-ms'),
    seed: seedFile === undefined ? {} : readSeed(JSON.parse(readFileSync(seedFile, 'utf8'))),
    faults: readFaultSettings(JSON.parse(values.faults)),
    dialect,
  });
  process.stdout.write(`${JSON.stringify({ url: sandbox.url, controlUrl: sandbox.controlUrl })}\n`);
  const leave = (): void => void sandbox.close();
  process.once('SIGTERM', leave);
  process.once('SIGINT', leave);
}

function readWhole(text: string, option: string): number {
  const value = Number(text);
  if (!/^\d+$/u.test(text) || !Number.isSafeInteger(value)) throw new Error(`${option} takes a whole number`);
  return value;
}

main().catch((error: unknown) => {
  process.stderr.write(`sandbox: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
