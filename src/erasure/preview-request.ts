/** A dry run: what a submission would make, in numbers and in words. Nothing is stored, nothing is sent. */
import { groupBy } from '../core/grouping.js';
import { dueDate } from '../core/request.js';
import { systemsAlsoRequested } from '../store/insert-items.js';
import { databaseNow } from '../store/clock.js';
import { newId } from '../store/identifiers.js';
import type { ReadTarget } from '../systems/target.js';
import { distinctAsks, itemDigest, laneDigest } from './draft-items.js';
import type { Asked } from './draft-items.js';
import type { Submission } from './store-requests.js';
import type { Workplace } from './workplace.js';

export interface SystemPreview {
  readonly system: string;
  readonly items: number;
  /** Calls that these items make if nothing else is due and nothing goes wrong; a selector is one call a pass. */
  readonly calls: number;
  /** What each selector would delete, in words. */
  readonly selectors: readonly string[];
}

export interface Preview {
  readonly dryRun: true;
  readonly subject: { readonly ref: string };
  readonly receivedAt: string;
  readonly dueAt: string;
  readonly items: number;
  readonly calls: number;
  readonly systems: readonly SystemPreview[];
  readonly warnings: readonly { readonly code: string; readonly system: string }[];
}

/** What this submission would make now. */
export async function previewRequest(
  workplace: Workplace,
  submission: Submission & { readonly targets: readonly ReadTarget[] },
): Promise<Preview> {
  const { vault, database } = workplace;
  const asks = distinctAsks(submission.targets);
  const receivedAt = submission.receivedAt ?? (await databaseNow(database));
  const requestId = newId();
  const also = await systemsAlsoRequested(
    database,
    asks.map((asked) => ({ requestId, digest: itemDigest(vault, asked) })),
  );
  const systems = [...groupBy(asks, (asked) => asked.system)].map(([name, asked]) =>
    previewSystem(workplace, name, asked),
  );
  return {
    dryRun: true,
    subject: { ref: submission.subjectRef },
    receivedAt: receivedAt.toISOString(),
    dueAt: dueDate(receivedAt).toISOString(),
    items: asks.length,
    calls: systems.reduce((sum, system) => sum + system.calls, 0),
    systems,
    warnings: also.map(({ system }) => ({ code: 'also_requested', system })),
  };
}

function previewSystem(workplace: Workplace, name: string, asks: readonly Asked[]): SystemPreview {
  const system = workplace.system(name);
  const lanes = groupBy(asks, (asked) => laneDigest(workplace.vault, asked).toString('hex'));
  return {
    system: name,
    items: asks.length,
    calls: [...lanes.values()].reduce((sum, lane) => sum + Math.ceil(lane.length / system.idsPerCall), 0),
    selectors: asks.filter((asked) => asked.kind === 'selector').map((asked) => inWords(system.system.title, asked)),
  };
}

function inWords(title: string, asked: Asked): string {
  const parts = Object.entries(asked.scope).map(([field, value]) =>
    typeof value === 'string'
      ? `${field} is ${JSON.stringify(value)}`
      : `${field} is one of ${value.map((one) => JSON.stringify(one)).join(', ')}`,
  );
  if (asked.externalId !== null) parts.push(`container tag is ${JSON.stringify(asked.externalId)}`);
  return `${title}: everything whose ${parts.join(' and whose ')}`;
}
