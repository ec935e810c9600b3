import type { TestSpecification } from 'vitest/node';
import { BaseSequencer } from 'vitest/node';

/** What takes longest or mostly waits. A first run does not know it yet; one that began with these at its end would wait for them alone. */
const LONG = [
  'flow/watchdog',
  'truth/poison',
  'truth/unknown-effect',
  'flow/restart',
  'flow/queue-trouble',
  'truth/gates',
  'truth/outages',
  'start-checks',
  'store/postgres-crash',
  'demo/demo',
];

/** The longest files first: those named here, then by what earlier runs say of them. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}

function rank({ moduleId }: TestSpecification): number {
  const place = LONG.findIndex((name) => moduleId.endsWith(`test/${name}.test.ts`));
  return place === -1 ? LONG.length : place;
}
