/** The commands beside the service: `node dist/cli.js COMMAND`. */
import 'reflect-metadata';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { readProcessConfig } from './config.js';
import { runDemo } from './demo/demo.js';
import { Screen } from './demo/screen.js';
import { auditInstallation } from './ledger-audit.js';
import { rotateInstallation } from './rotation.js';
import { PROVIDERS } from './systems/registry.js';

/** By name; each gives the exit code of the process. */
const COMMANDS = new Map<string, () => Promise<number>>([
  ['demo', demo],
  ['rotate-data-key', rotate],
  ['audit-ledger', audit],
]);

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What a shell reports of a process that a signal ended. */
const exitCodeOf = (signal: (typeof SIGNALS)[number]): number => 128 + constants.signals[signal];

/** The demo, ended early by a signal or by an output that goes away; either way it takes down what it started. */
async function demo(): Promise<number> {
  const early = new AbortController();
  let code = 1;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      code = exitCodeOf(signal);
      early.abort(new Error(`ended by ${signal}`));
    });
  }
  process.stdout.on('error', () => early.abort(new Error('nobody reads the output')));
  try {
    await runDemo({
      screen: Screen.on(process.stdout),
      examplesDir: fileURLToPath(new URL('../examples', import.meta.url)),
      outDir: 'out',
      signal: early.signal,
      nowMs: () => Date.now(),
    });
    return 0;
  } catch (error) {
    const cause: unknown = early.signal.aborted ? early.signal.reason : error;
    const [line] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
    process.stderr.write(`expunge demo: ${line ?? ''}\n`);
    return code;
  }
}

/** A new DATA_KEY for an installation whose processes are stopped. */
async function rotate(): Promise<number> {
  try {
    process.stdout.write(`${await rotateInstallation(readProcessConfig(PROVIDERS))}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`expunge rotate-data-key: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

/** Every row of the ledger; a checkpoint that was kept elsewhere may be named. */
async function audit(): Promise<number> {
  try {
    process.stdout.write(`${await auditInstallation(readProcessConfig(PROVIDERS), process.argv[3])}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`expunge audit-ledger: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

const command = COMMANDS.get(process.argv[2] ?? '');
if (command) {
  process.exit(await command());
} else {
  process.stderr.write(`usage: node dist/cli.js ${[...COMMANDS.keys()].join(' | ')}\n`);
  process.exit(2);
}
