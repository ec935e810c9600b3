import type { Reporter, TestModule, TestRunEndReason } from 'vitest/node';

/**
 * Ends a run with one plain line, `N passed, N failed, N skipped`, for scripts and for people who scroll to the end.
 *
 * A file that cannot be loaded, and an error outside any test, count as failed: the line never looks green when the
 * exit code is not.
 */
export default class ClosingLine implements Reporter {
  onTestRunEnd(
    testModules: readonly TestModule[],
    unhandledErrors: readonly unknown[],
    reason: TestRunEndReason,
  ): void {
    let passed = 0;
    let failed = unhandledErrors.length;
    let skipped = 0;
    const reasons = new Map<string, number>();
    for (const testModule of testModules) {
      failed += testModule.errors().length;
      for (const test of testModule.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed += 1;
        else if (state === 'failed') failed += 1;
        else {
          skipped += 1;
          const reason = /\(skipped: (.+?)\)/.exec(test.fullName)?.[1];
          if (reason !== undefined) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
        }
      }
    }
    if (reason !== 'passed' && failed === 0) failed = 1;
    // The default reporter prints its summary in the same event; the line has to come after it.
    const why = [...reasons].map(([text, tests]) => `Skipped, because ${text}: ${tests}\n`).join('');
    process.once('exit', () => process.stdout.write(`${why}${passed} passed, ${failed} failed, ${skipped} skipped\n`));
  }
}
