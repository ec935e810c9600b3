/** What an audit report says in words: what it comes to, the rule of the due date, and what nobody attests. */
import type { Outcome } from './item.js';

/** How `dueDate` counts, for a reader of the report. */
export const DUE_RULE =
  'GDPR article 12(3), one month from receipt; counted by Regulation (EEC, Euratom) 1182/71, article 3(2)(c): the day of ' +
  'receipt does not count, and the month ends with the last hour (UTC) of the same-numbered day of the next month, or of ' +
  'its last day where it has no such day. The extension over weekends and holidays of article 3(4) is not taken.';

/** The clause that every report carries, whatever is in it. */
export const LIMITS: readonly string[] = [
  'It attests only to the systems, identifiers and times that it lists. Data that lies elsewhere, or under identifiers ' +
    'that were not submitted, is not covered.',
  'It attests to what the provider answered to calls that are on record. It does not attest to backups, caches or ' +
    'sub-processors of the provider.',
  '"Already absent" is what the provider answers for an identifier that it does not know. A wrong key, environment or ' +
    'organization is answered in the same way.',
  'Evidence "reconciled": the provider names only what it did not delete, and its count agrees exactly. Evidence ' +
    '"repeat": a call of unknown effect, after which the provider says that the identifier does not exist.',
  'A selector is repeated until nothing is left: a late pass may have taken content that was made after the request was ' +
    'received. Content that was made after the last pass is not covered.',
  'Items that were closed by hand rest on the word of the person who closed them, not on an answer of the provider.',
];

const WARNINGS: ReadonlyMap<string, string> = new Map([
  [
    'all_absent',
    'Nothing at this system was seen to exist. A wrong key, environment or organization looks exactly so.',
  ],
  ['stranger', 'The provider answered for an identifier that was not asked for.'],
  ['count_mismatch', 'The number that the provider gave does not agree with what it was asked.'],
  ['document_before_comments', 'A document was sent before its comments had settled, since it was almost due.'],
  ['also_requested', 'An earlier request holds the same identifier: who was first may have been told "erased".'],
  ['resolved_by_hand', 'A person closed items that the provider had not confirmed.'],
]);

/** What a warning means; a code that nobody described stands for itself. */
export function warningMeaning(code: string): string {
  return WARNINGS.get(code) ?? code;
}

/** How integrity is checked where a signed checkpoint stands over the record. */
export const HOW_TO_VERIFY =
  'Take the evidence bundle of this request (GET /v1/erasure-requests/{id}/evidence) and run `npm run verify -- FILE`. It ' +
  'needs no network, no database and no secret. Compare the id of the key with one that you were given in another way.';

/** And where none does. */
export const NO_CHECKPOINT =
  'No signed checkpoint stands over the record of this request yet: this report rests on the word of whoever issued it.';

/**
 * What the counts come to, in sentences that never say more than the items do. `interim`: something is pending.
 * `warnings`: how many stand on the request.
 */
export function conclusionOf(
  counts: Readonly<Record<Outcome | 'total' | 'resolvedByHand', number>>,
  interim: boolean,
  warnings: number,
): string[] {
  const { total, erased, already_absent: absent, nothing_matched: empty, pending } = counts;
  const { failed, unconfirmed, cancelled, resolvedByHand } = counts;
  const proven = erased + absent + empty;
  const waiting = failed + unconfirmed - resolvedByHand;
  const parts = `${erased} erased, ${absent} already absent, ${empty} selectors that matched nothing`;
  const sentences: readonly (readonly [said: string, applies: boolean])[] = [
    [`INTERIM: ${pending} of ${total} items are not settled, and what stands here can still change.`, interim],
    [`All ${total} items ended with an answer of the provider that proves them gone: ${parts}.`, proven === total],
    [`${proven} of ${total} items ended with an answer that proves them gone: ${parts}.`, proven < total],
    [
      `Not proven gone: ${failed} refused by the provider, ${unconfirmed} never clearly answered.`,
      failed + unconfirmed > 0,
    ],
    [`Of these, closed by a person for the reasons given: ${resolvedByHand}.`, resolvedByHand > 0],
    [`The request is not complete. Waiting for a person: ${waiting}.`, waiting > 0],
    [`Cancelled before any call that could have deleted them: ${cancelled}.`, cancelled > 0],
    [`Read the warnings first: there ${warnings === 1 ? 'is 1' : `are ${warnings}`}.`, warnings > 0],
  ];
  return sentences.filter(([, applies]) => applies).map(([said]) => said);
}
