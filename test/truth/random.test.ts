import { expect, it } from 'vitest';
import { openInstallation } from '../support/service.js';
import { RANDOM_RUN_ENV, runRandom } from './random.js';
import { ORGANIZATION_DIALECTS } from './random-world.js';

const SEEDS = (process.env['TRUTH_SEEDS'] ?? '1').split(',').map(Number);
const ITEMS = Number(process.env['TRUTH_ITEMS'] ?? 800);

it.each(SEEDS)(
  'seed %i: nothing is called gone that is there, nothing is deleted unasked, nothing is lost',
  async (seed) => {
    const installation = await openInstallation({
      sandbox: { organizationDialects: ORGANIZATION_DIALECTS, randomSeed: seed },
      env: RANDOM_RUN_ENV,
    });
    try {
      const report = await runRandom(
        {
          sandbox: installation.sandbox,
          sql: (text) => installation.sql(text),
          start: async () => {
            const service = await installation.start();
            return { api: service.api, end: async () => service.stop() };
          },
        },
        seed,
        ITEMS,
        20_000,
      );
      process.stdout.write(`${JSON.stringify(report, null, 1)}\n`);
      const { falselyGone, bystanders, wrongHistory, lost } = report;
      expect({ falselyGone, bystanders, wrongHistory, lost }).toEqual({
        falselyGone: [],
        bystanders: [],
        wrongHistory: [],
        lost: [],
      });
    } finally {
      await installation.close();
    }
  },
  400_000,
);
