/** What the verbs refuse, as problems. */
import { Problem } from './problem.js';

/** Every way in which a verb says no. */
type Refused =
  | 'not_found'
  | 'nothing_to_retry'
  | 'cancelled'
  | 'shredded'
  | 'nothing_pending'
  | 'not_open'
  | 'not_settled'
  | 'needs_attention';

const DETAILS: Record<Refused, string> = {
  not_found: 'There is no such request or item.',
  nothing_to_retry: 'Only failed and unconfirmed items can be retried, and there are none.',
  cancelled: 'A cancelled request is not sent again.',
  shredded: 'The personal values of this request were destroyed.',
  nothing_pending: 'Every item of this request is settled.',
  not_settled: 'Some items of this request are still pending.',
  needs_attention: 'Items of this request failed or are unconfirmed: retry or resolve them, or say {"abandon": true}.',
  not_open: 'Only a failed or unconfirmed item that nobody has resolved can be resolved.',
};

export function refuse(kind: Refused): Problem {
  return new Problem(kind, DETAILS[kind]);
}
