/**
 * What a provider said, read out of its reply. A provider's answer is a value: every shape it can take stands here,
 * and everything that decides an outcome switches over these unions without a default.
 *
 * Contracts: docs/contract-coverage.md; outcomes: README, "Outcomes".
 */

/** How an erasure is known: named in an answer, or implied by counts that agree exactly. */
export type AnswerEvidence = 'provider' | 'reconciled';

/** Why a provider refuses one ID for good. */
export type RefusalReason = 'denied' | 'rejected' | 'contract';

/** What one reply said about one ID. `text` and `providerId` are the provider's words for that ID alone: personal. */
export type Answer = (
  | { readonly said: 'erased'; readonly evidence: AnswerEvidence }
  | { readonly said: 'absent' }
  | { readonly said: 'refused'; readonly reason: RefusalReason }
  /** Named, not deleted, and worth asking again (an internal error of the provider's for this ID). */
  | { readonly said: 'later' }
  /** Left out, or spoken of in a way that contradicts itself: whether it was deleted is not known. */
  | { readonly said: 'unclear' }
) & { readonly text: string | null; readonly providerId: string | null };

/** Something in a reply that does not fit what was asked; becomes a warning on the requests of the call. */
export type Anomaly = 'stranger' | 'count_mismatch';

/** What stands beside every reading of a reply, for the attempt's record. */
export interface Remarks {
  /** The provider's own status word or error status, if the reply had one. Personal until proved otherwise. */
  readonly providerStatus: string | null;
  /** The provider's words for the call as a whole. */
  readonly providerMessage: string | null;
  /** The count that the provider reported, if it was a safe integer of 0 or more. */
  readonly providerCount: number | null;
  readonly anomalies: readonly Anomaly[];
}

/** Why a whole provider or system is closed rather than an ID failed. */
export type BlockReason = 'credentials' | 'quota' | 'rate' | 'contract';

/** What one call came to. `effect` says whether the call may have deleted what it carried without saying so. */
export type Reading = Remarks &
  (
    | {
        readonly verdict: 'answered';
        /** For a call that named IDs: exactly the IDs asked, each once. For a selector call: the IDs it revealed. */
        readonly answers: ReadonlyMap<string, Answer>;
        /** Selector calls only, else null. */
        readonly pass: SelectorPass | null;
      }
    /** Refused as a whole, by the provider's own words: nothing was deleted. */
    | { readonly verdict: 'refused' }
    /**
     * No clear answer. `silent`: not a word of the provider's own about the call (no connection, time-out, reset, cut or
     * unreadable body, 5xx without per-ID details); such calls in a row close the gate as an outage.
     */
    | {
        readonly verdict: 'unclear';
        readonly silent: boolean;
        readonly effect: 'none' | 'unknown';
        readonly retryAfterMs: number | null;
      }
    /** The system or its provider takes no calls now. */
    | {
        readonly verdict: 'blocked';
        readonly reason: BlockReason;
        readonly retryAfterMs: number | null;
        readonly effect: 'none' | 'unknown';
      }
  );

/** What one pass of a selector came to. */
export interface SelectorPass {
  /** True when the reply parsed and every entry in it was readable: only then can a pass prove that nothing is left. */
  readonly clear: boolean;
  /** True when the pass reported nothing at all (an object without keys; a tag: success, 0 deleted, no other tag). */
  readonly nothing: boolean;
  /** A count where the provider gives no IDs (container tags), else null. */
  readonly count: number | null;
}

/** Every word a verdict can be, with `interrupted` for a call that was started and never completed. */
export const VERDICTS = ['answered', 'refused', 'unclear', 'blocked', 'interrupted'] as const;
export type Verdict = (typeof VERDICTS)[number];
