/** From a checked body to what the verbs take in. */
import type { NothingKnown } from '../erasure/known-targets.js';
import type { Submission } from '../erasure/store-requests.js';
import type { Workplace } from '../erasure/workplace.js';
import type { ReadTarget } from '../systems/target.js';
import { Problem } from './problem.js';
import type { InputError } from './problem.js';
import type { SubmitRequestDto } from './submit-request.dto.js';
import { readTargets } from './targets.js';
import { readTimestamp } from './timestamp.js';

/** Clocks differ: a request may be received this far in the future. */
const FUTURE_MAX_MS = 5 * 60 * 1000;

/** The submission in a body that the pipe let pass. Throws a Problem for what only this installation can know. */
export function readSubmission(body: SubmitRequestDto, workplace: Workplace, nowMs: number): Submission {
  const receivedAt = body.receivedAt === undefined ? null : readTimestamp(body.receivedAt);
  if (receivedAt !== null && receivedAt.getTime() > nowMs + FUTURE_MAX_MS) {
    throw new Problem('invalid_input', 'The input has errors.', {
      errors: [{ path: '/receivedAt', message: 'must be at most 5 minutes in the future' }],
    });
  }
  const targets = body.targets === undefined ? null : checkedTargets(body.targets, workplace);
  return { subjectRef: body.subject.ref, receivedAt, note: body.note ?? null, targets };
}

/** The targets in a body, all at systems that this installation can call. Throws a Problem for any other. */
export function checkedTargets(given: unknown, workplace: Workplace): readonly ReadTarget[] {
  const reading = readTargets(given);
  if (!reading.ok) throw new Problem('invalid_input', 'The input has errors.', { errors: reading.errors });
  refuseUnconfigured(reading.targets, workplace);
  return reading.targets;
}

/** What the subject directory could not give. */
export function refuseUnknown(why: NothingKnown): Problem {
  if (why.kind === 'unknown_subject') {
    return new Problem('unknown_subject', 'No targets are given, and none are known of this subject.');
  }
  const errors = why.systems.map((system) => ({
    path: '/targets',
    message: `left out, they name ${noCredentials(system)}`,
  }));
  return new Problem('not_configured', 'Nothing was stored.', { errors });
}

function noCredentials(system: string): string {
  return `${system}, which has no credentials in this installation`;
}

function refuseUnconfigured(targets: readonly ReadTarget[], workplace: Workplace): void {
  const errors = targets.flatMap((target, index): InputError[] =>
    workplace.system(target.system).configured
      ? []
      : [{ path: `/targets/${index}/system`, message: `${target.system} has no credentials in this installation` }],
  );
  if (errors.length > 0) throw new Problem('not_configured', 'Nothing was stored.', { errors });
}
