/**
 * What a reply says about a call as a whole, where it says nothing about single IDs. Which HTTP status says what:
 * docs/contract-coverage.md, "Whole calls".
 */
import type { Answer, BlockReason, Reading, Remarks } from '../core/answer.js';
import type { Reply, Unreachable } from './http.js';
import { parseRetryAfter } from './retry-after.js';
import type { Call } from './system.js';
import { says } from './words.js';

/** Bounds of a pause that a provider asks for. */
const RETRY_AFTER_MIN_MS = 1_000;
const RETRY_AFTER_MAX_MS = 3_600_000;

/** Wrong method, gone, wrong content type, wrong host, not implemented: ours to mend, and nothing about an ID. */
const CONTRACT_STATUSES: ReadonlySet<number> = new Set([405, 410, 415, 421, 501]);
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 425, 499]);

const AUTH_WORDS =
  /\b(auth[- ]token|api[- ]key|authori[sz]ation|authentication|un(authori[sz]|authenticat)ed|credentials?)\b/;
const QUOTA_WORDS = /\b(quota|credits?|billing|subscription|plan|upgrade)\b/;
const RATE_WORDS = /\b(rate|per (second|minute|hour)|try again|too many requests|retry)\b/;

export const NO_REMARKS: Remarks = { providerStatus: null, providerMessage: null, providerCount: null, anomalies: [] };

/** An answer that settles nothing: the ID was left out, or spoken of in a way that contradicts itself. */
export const UNCLEAR: Answer = { said: 'unclear', text: null, providerId: null };

/** What came instead of a reply. */
export function readUnreachable(unreachable: Unreachable): Reading {
  return {
    ...NO_REMARKS,
    verdict: 'unclear',
    silent: true,
    effect: unreachable.sent ? 'unknown' : 'none',
    retryAfterMs: null,
  };
}

/** True where the status alone decides, whatever the body: a redirect, or a call that the provider does not take. */
export function isContractStatus(status: number): boolean {
  return (status >= 300 && status < 400) || CONTRACT_STATUSES.has(status);
}

/** True for the statuses of success. */
export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/** A parsed reply that named none of the IDs asked: each of them is unclear. */
export function leftOut(call: Call, remarks: Remarks): Reading {
  if (call.selects) {
    return { ...remarks, verdict: 'answered', answers: new Map(), pass: { clear: false, nothing: false, count: null } };
  }
  return { ...remarks, verdict: 'answered', answers: new Map(call.ids.map((id) => [id, UNCLEAR])), pass: null };
}

/** A reply without a word of the provider's own, read by its HTTP status. */
export function readForeign(call: Call, reply: Reply): Reading {
  return readWhole(call, reply, { status: reply.status, own: false, remarks: NO_REMARKS });
}

/**
 * A reply that spoke of the call as a whole. `status` is the HTTP status, or the one that the provider's own error status
 * stands for; `own`, whether the body is JSON in the provider's own form: only then is a refusal the provider's.
 */
export function readWhole(
  call: Call,
  reply: Reply,
  said: { readonly status: number; readonly own: boolean; readonly remarks: Remarks },
): Reading {
  const { status, own, remarks } = said;
  const blocked = (reason: BlockReason, effect: 'none' | 'unknown'): Reading => {
    const retryAfterMs = reason === 'rate' ? pauseOf(reply) : null;
    return { ...remarks, verdict: 'blocked', reason, retryAfterMs, effect };
  };
  const refusal = own ? 'none' : 'unknown';
  if (isContractStatus(status)) return blocked('contract', 'unknown');
  switch (status) {
    case 400:
      if (own && says(AUTH_WORDS, remarks.providerMessage, call)) return blocked('credentials', 'none');
      break;
    case 401:
    case 403:
      return blocked('credentials', refusal);
    case 402:
      return blocked('quota', 'unknown');
    case 429:
      return blocked(isQuota(call, reply, remarks.providerMessage) ? 'quota' : 'rate', refusal);
    case 451:
      return blocked('credentials', 'unknown');
    default:
  }
  if (own && (status === 400 || status === 413)) return { ...remarks, verdict: 'refused' };
  const silent = !own || status >= 500 || PASSING_STATUSES.has(status);
  return { ...remarks, verdict: 'unclear', silent, effect: 'unknown', retryAfterMs: pauseOf(reply) };
}

// "Quota exceeded: 60 requests per minute" is a rate; a provider that says when to come back means a rate, too.
function isQuota(call: Call, reply: Reply, message: string | null): boolean {
  return says(QUOTA_WORDS, message, call) && !says(RATE_WORDS, message, call) && reply.retryAfter.length === 0;
}

function pauseOf(reply: Reply): number | null {
  const pauseMs = parseRetryAfter(reply.retryAfter, reply.receivedAt);
  return pauseMs === null ? null : Math.min(Math.max(pauseMs, RETRY_AFTER_MIN_MS), RETRY_AFTER_MAX_MS);
}
