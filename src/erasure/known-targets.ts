/** What a submission asks to erase: its own targets or, where it names none, all that the subject directory knows. */
import type { Transaction } from '../store/database.js';
import { readEntry } from '../store/subject-directory.js';
import { readTarget } from '../systems/target.js';
import type { ReadTarget } from '../systems/target.js';
import type { Workplace } from './workplace.js';

/** Why the directory gives nothing to erase. */
export type NothingKnown =
  | { readonly kind: 'unknown_subject' }
  /** Some of what is known lies at these systems, which have no credentials: to erase the rest alone would be half. */
  | { readonly kind: 'not_configured'; readonly systems: readonly string[] };

export type KnownTargets =
  /** `entryId`: the directory entry they are a copy of; null for targets of the submission's own. */
  { readonly kind: 'known'; readonly targets: readonly ReadTarget[]; readonly entryId: string | null } | NothingKnown;

/** The targets of a submission, as of this transaction. Targets of its own were checked by whoever took it in. */
export async function knownTargets(
  reader: Pick<Transaction, 'rows'>,
  workplace: Workplace,
  submission: { readonly subjectRef: string; readonly targets: readonly ReadTarget[] | null },
): Promise<KnownTargets> {
  if (submission.targets !== null) return { kind: 'known', targets: submission.targets, entryId: null };
  const entry = await readEntry(reader, workplace.vault, submission.subjectRef);
  if (entry === null) return { kind: 'unknown_subject' };
  const targets = entry.targets.map((given): ReadTarget => {
    const reading = readTarget(given);
    // None is left out in silence: the person would be told that all is erased.
    if (!reading.ok) throw new Error(`directory entry ${entry.id} has a target that this version does not know`);
    return reading.target;
  });
  const systems = [...new Set(targets.map((target) => target.system))].filter(
    (name) => !workplace.system(name).configured,
  );
  return systems.length > 0 ? { kind: 'not_configured', systems } : { kind: 'known', targets, entryId: entry.id };
}
