import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.js';
import { temporaryFolder } from './test/support/temporary-folder.js';

process.env['TMPDIR'] ??= process.env['TMP'] ?? temporaryFolder();

const TESTS = 'test/**/*.test.ts';
/** Replaces a module for itself, which in a process with others it would do for them, or too late. */
const ALONE = ['test/flow/fourth-system.test.ts'];

const OF_EVERY_TEST = {
  setupFiles: 'reflect-metadata',
  pool: 'forks' as const,
  execArgv: ['--max-semi-space-size=64'],
  testTimeout: 30_000,
  hookTimeout: 60_000,
  teardownTimeout: 30_000,
};

export default defineConfig({
  test: {
    // Here and in no project: one Postgres for the whole run.
    globalSetup: ['test/support/postgres-server.ts'],
    reporters: ['default', './test/support/closing-line.ts'],
    maxWorkers: 3,
    teardownTimeout: 30_000,
    sequence: { sequencer: LongestFirst },
    projects: [
      // Loading the service takes longer than most files take to test it: these share what a process has loaded.
      { test: { ...OF_EVERY_TEST, name: 'together', include: [TESTS], exclude: ALONE, isolate: false } },
      { test: { ...OF_EVERY_TEST, name: 'alone', include: ALONE } },
    ],
  },
});
