/** Which rows run, on which backend and with which seed: all of it follows from one number. */
import { Dice } from '../truth/dice.js';
import type { Row } from './rows/row.js';
import type { Backend } from './stage.js';

export interface PlannedRun {
  readonly row: Row;
  readonly backend: Backend;
  readonly seed: number;
}

export interface Choice {
  readonly rows: readonly Row[];
  readonly backends: readonly Backend[];
  readonly seed: number;
}

/** About how long a sample may take, in seconds, by what its rows say of themselves. */
const SAMPLE_SECONDS = 80;
/** Kills are in every sample. */
const ALWAYS = [1];

/** So many runs of the chosen rows; every row once, in random order, before any comes again. Run no. n has seed + n. */
export function planRuns(choice: Choice, runs: number): PlannedRun[] {
  const dice = new Dice(choice.seed);
  const planned: PlannedRun[] = [];
  let deck: readonly { row: Row; backend: Backend }[] = [];
  while (planned.length < runs) {
    if (deck.length === 0) deck = shuffle(dice, pairs(choice));
    const [next, ...rest] = deck;
    if (!next) throw new Error('no row runs on that backend');
    deck = rest;
    planned.push({ ...next, seed: choice.seed + planned.length });
  }
  return planned;
}

/** A sample that fits into CI, kills first. */
export function planSample(choice: Choice): PlannedRun[] {
  const dice = new Dice(choice.seed);
  const deck = shuffle(dice, pairs(choice));
  const first = deck.find(({ row }) => ALWAYS.includes(row.no));
  const order = first ? [first, ...deck.filter((one) => one !== first)] : deck;
  const planned: PlannedRun[] = [];
  let seconds = 0;
  for (const one of order) {
    if (seconds + one.row.seconds > SAMPLE_SECONDS || planned.some(({ row }) => row === one.row)) continue;
    seconds += one.row.seconds;
    planned.push({ ...one, seed: choice.seed + planned.length });
  }
  return planned;
}

function pairs({ rows, backends }: Choice): { row: Row; backend: Backend }[] {
  return rows.flatMap((row) =>
    row.backends.filter((backend) => backends.includes(backend)).map((backend) => ({ row, backend })),
  );
}

function shuffle<T>(dice: Dice, list: readonly T[]): T[] {
  return list
    .map((one) => ({ one, at: dice.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one);
}
