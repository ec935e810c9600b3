/** A random world: what exists at the providers, what is asked of it, and what is to go wrong. The same seed, the same world. */
import type { SandboxSeed, SeededAnnotation } from '../../src/sandbox/seed.js';
import type { FaultRule } from '../../src/sandbox/fault-plan.js';
import { Dice } from './dice.js';

export type Target = Readonly<Record<string, string | readonly string[]>>;

export interface World {
  readonly seed: SandboxSeed;
  readonly requests: readonly (readonly Target[])[];
  readonly rules: readonly FaultRule[];
  readonly faultsById: Readonly<Record<string, string>>;
  /** Items that the requests ask for. */
  readonly items: number;
}

const MEMORIES = 'supermemory.documents';
const COMMENTS = 'velt.comments';
const DOCUMENTS = 'velt.documents';
export const ORGANIZATION_DIALECTS = { org0: 'seed', org1: 'details', org2: 'v1' } as const;
const ORGANIZATIONS = Object.keys(ORGANIZATION_DIALECTS);

const PASSING = [
  'timeout*1',
  'reset*1',
  'reset-before*1',
  'cut*2',
  '503*2',
  '504-after*1',
  'error500*3',
  '404*1',
  '409*2',
];
const OF_ONE_ID = ['internal*2', 'omit*1', 'wrong-type*1', 'duplicate-keys*1', 'unknown-code:unavailable*1'];
const FOR_GOOD = ['refuse', 'denied', 'unknown-code', 'unknown-text', 'internal', 'error500'];
/** They keep what they do not mention, or name another: never for what a selector finds, where nobody can tell. */
const SILENT = ['omit-kept*1', 'omit-kept', 'moved-key*1'];

const PER_CALL: Readonly<Record<string, number>> = {
  '503': 0.01,
  '504-after': 0.01,
  reset: 0.01,
  'reset-before': 0.01,
  timeout: 0.004,
  cut: 0.01,
  'cut-kept': 0.01,
  empty: 0.01,
  garbage: 0.01,
  'truncated-json': 0.01,
  'not-object': 0.005,
  html: 0.01,
  'error-200': 0.01,
  '202': 0.005,
  '204': 0.005,
  '408': 0.005,
  '404:html': 0.005,
  refuse: 0.01,
  '413:3': 0.01,
  '413': 0.005,
  error500: 0.01,
  'slow-body:1': 0.002,
  huge: 0.0005,
  'gzip-bomb': 0.0005,
  redirect: 0.002,
  '405': 0.001,
  '501-after': 0.001,
  '429:1': 0.002,
  '401': 0.001,
  '403-after:html': 0.001,
  quota: 0.001,
  '402-after': 0.001,
  stranger: 0.01,
  'success-false': 0.01,
  'error-and-result': 0.01,
  'latency:40': 0.05,
};

interface Place {
  readonly organizationId?: string;
  readonly documentId: string;
  readonly annotations: readonly SeededAnnotation[];
  readonly selected: boolean;
}

export function makeWorld(seed: number, itemsWanted: number): World {
  const dice = new Dice(seed);
  const memories = Array.from({ length: Math.ceil(itemsWanted * 0.4) }, (_, no) => `m${no}`);
  const tags = Array.from({ length: Math.ceil(itemsWanted / 100) }, (_, no) => `tag${no}`);
  const documents = ORGANIZATIONS.map((organizationId) => ({
    organizationId,
    ids: Array.from({ length: Math.ceil(itemsWanted * 0.06) }, (_, no) => `${organizationId}-d${no}`),
  }));
  const places = Array.from({ length: Math.ceil(itemsWanted / 40) }, (_, no) => makePlace(dice, no));
  // A count that is one too high hides exactly one ID that was neither counted nor named: a lie that nobody can see.
  const countsTooHigh = seed % 2 === 1;
  const tagged = tags.flatMap((tag) =>
    Array.from({ length: dice.below(5) }, (_, no) => ({ id: `${tag}-m${no}`, containerTags: [tag] })),
  );

  const requests: Target[][] = [];
  let items = 0;
  while (items < itemsWanted) {
    const targets: Target[] = [];
    for (let left = 1 + dice.below(4); left > 0; left -= 1) {
      const [target, count] = makeTarget(dice, { memories, tagged, tags, documents, places });
      if (targets.some((other) => JSON.stringify(other) === JSON.stringify(target))) continue;
      targets.push(target);
      items += count;
    }
    requests.push(targets);
  }
  return {
    seed: {
      veltDocuments: documents.map(({ organizationId, ids }) => ({
        organizationId,
        documentIds: ids.filter(() => dice.chance(0.75)),
      })),
      veltAnnotations: places.filter(({ annotations }) => annotations.length > 0),
      supermemoryDocuments: [...memories.filter(() => dice.chance(0.75)).map((id) => ({ id })), ...tagged],
    },
    requests,
    rules: [
      ...Object.entries(PER_CALL).map(([fault, probability]) => ({ fault, probability })),
      countsTooHigh
        ? { fault: 'count-high', probability: 0.03, system: MEMORIES }
        : { fault: 'count-low', probability: 0.03, system: MEMORIES },
    ],
    faultsById: {
      ...assign(dice, memories, countsTooHigh ? [] : SILENT),
      ...assign(dice, tags, [], ['internal*2', 'timeout*1', 'cut*1', 'omit*1', 'wrong-type*1', 'refuse*1']),
      ...assign(
        dice,
        documents.flatMap(({ ids }) => ids),
        SILENT,
      ),
      ...assign(
        dice,
        places.flatMap((place) => (place.selected ? [] : place.annotations)).map((a) => a.annotationId),
        SILENT,
      ),
      ...assign(
        dice,
        places.flatMap((place) => (place.selected ? place.annotations : [])).map((a) => a.annotationId),
        [],
      ),
    },
    items,
  };
}

function makePlace(dice: Dice, no: number): Place {
  const organization = dice.below(ORGANIZATIONS.length + 1);
  const organizationId = ORGANIZATIONS[organization];
  return {
    ...(organizationId === undefined ? {} : { organizationId }),
    documentId: organizationId === undefined ? `loose-d${no}` : `${organizationId}-d${no}`,
    annotations: Array.from({ length: dice.below(14) }, (_, index) => ({
      annotationId: `a${no}-${index}`,
      locationId: `l${dice.below(2)}`,
      userId: `u${dice.below(3)}`,
    })),
    selected: dice.chance(0.5),
  };
}

interface Pools {
  readonly memories: readonly string[];
  readonly tagged: readonly { readonly id: string }[];
  readonly tags: readonly string[];
  readonly documents: readonly { readonly organizationId: string; readonly ids: readonly string[] }[];
  readonly places: readonly Place[];
}

function makeTarget(dice: Dice, pools: Pools): [target: Target, items: number] {
  switch (dice.below(10)) {
    case 0: {
      const containerTags = dice.some(pools.tags, 3);
      return [{ system: MEMORIES, containerTags }, containerTags.length];
    }
    case 1:
    case 2:
    case 3:
    case 4: {
      const known = dice.chance(0.2) && pools.tagged.length > 0 ? [dice.one(pools.tagged).id] : [];
      const ids = [...dice.some(pools.memories, 25), ...known];
      return [{ system: MEMORIES, ids }, ids.length];
    }
    case 5:
    case 6: {
      const { organizationId, ids } = dice.one(pools.documents);
      const documentIds = dice.some(ids, 15);
      return [{ system: DOCUMENTS, organizationId, documentIds }, documentIds.length];
    }
    default:
      return makeComments(dice, dice.one(pools.places));
  }
}

function makeComments(dice: Dice, place: Place): [target: Target, items: number] {
  const { organizationId, documentId, annotations } = place;
  const where = {
    system: COMMENTS,
    documentId,
    ...(organizationId === undefined ? {} : { organizationId }),
    ...(dice.chance(0.3) ? { locationIds: dice.some(['l0', 'l1', 'l2'], 2) } : {}),
  };
  if (place.selected && dice.chance(0.5)) {
    return [dice.chance(0.5) ? where : { ...where, userIds: dice.some(['u0', 'u1', 'u2', 'nobody'], 2) }, 1];
  }
  const annotationIds = dice.some([...annotations.map((a) => a.annotationId), `${documentId}-absent`], 12);
  return [{ ...where, annotationIds }, annotationIds.length];
}

/** Lets some of these IDs go wrong. */
function assign(
  dice: Dice,
  ids: readonly string[],
  silent: readonly string[],
  faults: readonly string[] = [...PASSING, ...OF_ONE_ID, ...silent],
): Record<string, string> {
  const assigned: Record<string, string> = {};
  for (const id of ids) {
    if (dice.chance(0.06)) assigned[id] = dice.one(faults);
    else if (dice.chance(0.01) && faults.includes('503*2')) assigned[id] = dice.one(FOR_GOOD);
  }
  return assigned;
}
