/** I6: without a fault one call an item; with faults, one more only for a call that was lost or answered badly. */
import { callsOf } from './calls-of-attempts.js';
import type { AttemptRow, Disturbed, Evidence } from './evidence.js';

/** A crash is noticed by us a little after it happened. */
const NOTICED_MS = 300;

/** A line for every call too many. */
export function checkRepeats(evidence: Evidence): string[] {
  const { attempts, items, disturbed, limits, steeredByHand, calls } = evidence;
  const lines: string[] = [];
  const call = callsOf(evidence).of;
  const carrying = new Map<string, AttemptRow[]>();
  for (const attempt of attempts) {
    for (const id of attempt.itemIds) carrying.set(id, [...(carrying.get(id) ?? []), attempt]);
  }
  const loses = disturbed.filter(({ losesCalls }) => losesCalls);
  for (const item of items) {
    const own = carrying.get(item.id) ?? [];
    if (own.length !== item.attempts)
      lines.push(`item ${item.id} counts ${item.attempts} attempts and stands in ${own.length}`);
    if (steeredByHand.has(item.requestId)) continue;
    for (const attempt of own.slice(0, -1)) {
      const made = call.get(attempt.id);
      const badly =
        made !== undefined &&
        (made.faults.some((fault) => !fault.startsWith('latency')) ||
          (attempt.verdict === 'unclear' && made.delivered === false));
      // Nothing of it reached the provider: its listener was down, or the call was held back.
      const unmade = made === undefined && attempt.verdict !== 'answered' && attempt.verdict !== 'interrupted';
      if (badly || unmade || loses.some((crash) => overlaps(attempt, crash))) continue;
      lines.push(
        `${item.system} ${item.externalId} was called again, and attempt ${attempt.id} (${attempt.verdict}) needed no repeat`,
      );
    }
  }
  // The sandbox may have answered while the caller died: what counts is how many were under way.
  const providers = new Set(attempts.map(({ provider }) => provider));
  for (const crash of disturbed.filter(({ kill }) => kill)) {
    for (const provider of providers) {
      const lost = attempts.filter(
        (one) =>
          one.provider === provider &&
          one.verdict === 'interrupted' &&
          one.startedMs < crash.toMs &&
          one.startedMs > crash.fromMs - evidence.timings.timeoutMs - evidence.timings.marginMs &&
          (one.endedMs ?? Infinity) > crash.fromMs,
      );
      const earlier = lost.filter((one) =>
        disturbed.some((other) => other.kill && other !== crash && other.toMs < crash.fromMs && overlaps(one, other)),
      );
      if (lost.length - earlier.length > limits.concurrency)
        lines.push(
          `${crash.what}: ${lost.length - earlier.length} calls at ${provider} were lost, and ${limits.concurrency} may be under way`,
        );
    }
  }
  const times = new Map<string, number>();
  for (const { system, ids } of calls)
    for (const id of ids) times.set(`${system} ${id}`, (times.get(`${system} ${id}`) ?? 0) + 1);
  for (const [name, count] of times) {
    const most = new Set(
      items
        .filter((item) => `${item.system} ${item.externalId}` === name)
        .flatMap((item) => (carrying.get(item.id) ?? []).map(({ id }) => id)),
    ).size;
    if (count > most) lines.push(`${name} was called ${count} times, and ${most} attempts are on record`);
  }
  return lines;
}

function overlaps(attempt: AttemptRow, { fromMs, toMs }: Disturbed): boolean {
  return attempt.startedMs <= toMs + NOTICED_MS && (attempt.endedMs ?? Number.POSITIVE_INFINITY) >= fromMs - NOTICED_MS;
}
