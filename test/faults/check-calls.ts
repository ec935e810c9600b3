/** I5 and I13: what was sent to the providers, and how fast. */
import type { SandboxCall } from '../../src/sandbox/ledger.js';
import { callsOf } from './calls-of-attempts.js';
import type { Breach } from './breach.js';
import type { Asked, Evidence } from './evidence.js';

/** A start that read the gate before it closed may commit a little after. */
const RACE_MS = 500;

export function checkCalls(evidence: Evidence): Breach[] {
  return [
    ...onlyWhatWasAsked(evidence).map((what) => ({ invariant: 'I5', what }) as const),
    ...withinTheLimits(evidence).map((what) => ({ invariant: 'I13', what }) as const),
  ];
}

/** I5: every ID that a provider sees was asked for, there, byte for byte; every call is an attempt that stood on record. */
function onlyWhatWasAsked(evidence: Evidence): string[] {
  const asked = new Set<string>();
  for (const { body } of evidence.submitted) {
    for (const target of body.targets) for (const id of idsOf(target)) asked.add(placeOf(target, id));
  }
  const lines: string[] = [];
  for (const call of evidence.calls) {
    const name = `call ${call.seq} (${call.method} ${call.path})`;
    if (call.system === null) lines.push(`${name} is no call of a provider's`);
    if (call.ids.length === 0) lines.push(`${name} names no ID`);
    if (call.widened || call.leak) lines.push(`${name} means more than it names`);
    const where = scopeOf(call);
    for (const id of call.ids) {
      if (!asked.has(placeOf({ system: call.system ?? '', ...where }, id)))
        lines.push(`${name} names ${id}, which nobody asked for`);
    }
  }
  for (const { seq, system, ids } of callsOf(evidence).stray) {
    lines.push(`call ${seq} at ${system} of ${ids.join(', ')} stood in no attempt at its time`);
  }
  return lines;
}

function idsOf(target: Asked): readonly string[] {
  return target.ids ?? target.documentIds ?? target.annotationIds ?? [];
}

function placeOf(
  where: { readonly system: string; readonly organizationId?: unknown; readonly documentId?: unknown },
  id: string,
): string {
  return JSON.stringify([where.system, where.organizationId ?? null, where.documentId ?? null, id]);
}

function scopeOf(call: SandboxCall): { readonly organizationId?: unknown; readonly documentId?: unknown } {
  const body = isRecord(call.body) ? call.body : {};
  const data = isRecord(body['data']) ? body['data'] : {};
  return { organizationId: data['organizationId'], documentId: data['documentId'] };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** I13: never more calls at once, nor in a minute, than allowed; and nothing begins while a 429 asks to wait. */
function withinTheLimits(evidence: Evidence): string[] {
  const { limits, attempts, maxInFlight, maxPerMinute } = evidence;
  const lines: string[] = [];
  for (const [provider, most] of Object.entries(maxInFlight)) {
    if (most > limits.concurrency) lines.push(`${provider} saw ${most} calls at once`);
  }
  for (const [provider, most] of Object.entries(maxPerMinute)) {
    if (limits.callsPerMinute !== null && most > limits.callsPerMinute)
      lines.push(`${provider} saw ${most} calls in a minute`);
  }
  const calls = callsOf(evidence).of;
  for (const limited of attempts.filter(({ httpStatus, late }) => httpStatus === 429 && !late)) {
    const waitMs = secondsAsked(calls.get(limited.id)) * 1000;
    const fromMs = (limited.endedMs ?? 0) + RACE_MS;
    const untilMs = (limited.endedMs ?? 0) + waitMs - RACE_MS;
    const early = attempts.find(
      ({ system, startedMs }) => system === limited.system && startedMs > fromMs && startedMs < untilMs,
    );
    if (early)
      lines.push(
        `${limited.system} asked to wait ${waitMs} ms and was called after ${early.startedMs - (limited.endedMs ?? 0)} ms`,
      );
  }
  return lines;
}

/** What the sandbox's fault `429:SECONDS` asked for; nothing where it was no plain number. */
function secondsAsked(call: SandboxCall | undefined): number {
  const text = call?.faults
    .map((fault) => /^429:(\d+)(?:\*\d+)?$/.exec(fault)?.[1])
    .find((found) => found !== undefined);
  return Math.min(Math.max(Number(text ?? 0), text === undefined ? 0 : 1), 3600);
}
