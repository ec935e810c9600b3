/** What a row of the fault matrix is: a fault, done to a stage while requests come in. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Dice } from '../../truth/dice.js';
import type { Backend, Stage, StageOptions } from '../stage.js';
import type { Submitter } from '../submitter.js';

export interface Scene {
  readonly stage: Stage;
  readonly submitter: Submitter;
  /** Every choice of the row. */
  readonly dice: Dice;
  /** Outside the sample: as long and as hard as the matrix says. */
  readonly thorough: boolean;
  /** What must hold of this row beside the invariants: a line for every breach. */
  expect(holds: boolean, what: string): void;
}

export interface Row {
  /** Its number in the matrix. */
  readonly no: number;
  readonly fault: string;
  readonly backends: readonly Backend[];
  /** About how long a run takes in the sample, in seconds. */
  readonly seconds: number;
  readonly stage?: Partial<Omit<StageOptions, 'backend' | 'seed'>>;
  /** Does the fault, and returns when it is over; the run then waits until all is quiet, and judges. */
  run(scene: Scene): Promise<void>;
}

export const BOTH: readonly Backend[] = ['redis', 'postgres'];

/** Exponential waits: most are short, some are long, as with real crashes. */
export function randomWait(dice: Dice, meanMs: number): Promise<void> {
  return pause(Math.min(-Math.log(1 - dice.next()) * meanMs, 4 * meanMs));
}

/** Submits requests at a steady pace while `work` goes on, and waits until all of them are accepted. */
export async function underLoad(
  { submitter }: Scene,
  requests: number,
  everyMs: number,
  work: () => Promise<void>,
): Promise<void> {
  const sent: Promise<string>[] = [];
  const feed = async (): Promise<void> => {
    for (let no = 0; no < requests; no += 1) {
      sent.push(heard(submitter.submit()));
      await pause(everyMs);
    }
  };
  await Promise.all([feed(), work()]);
  await Promise.all(sent);
}

/** A promise that is awaited later: one that fails before is no rejection that nobody looked at. */
export function heard<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

export function shuffled<T>({ dice }: Scene, list: readonly T[]): T[] {
  return list
    .map((one) => ({ one, at: dice.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one);
}
