/** A call that has ended, on its way into the record. */
import type { Answer } from '../core/answer.js';
import type { Gate } from '../core/gate.js';
import type { Happening } from '../core/item.js';
import type { RecordedItem, SendableItem } from '../store/attempts.js';
import type { Doubted } from '../store/discovered-items.js';
import type { AnswerValues } from '../store/sealed-values.js';
import type { ItemChange } from '../store/write-outcomes.js';
import type { Scope } from '../systems/system.js';
import type { Sent, Settings } from './workplace.js';

/** An item as it went out: with its personal values, in memory only. */
export interface CarriedItem extends SendableItem {
  readonly scope: Scope;
  readonly externalId: string | null;
}

export interface FinishedCall {
  readonly attemptId: string;
  readonly batchId: string;
  readonly epoch: number;
  readonly system: string;
  readonly provider: string;
  readonly probe: boolean;
  readonly selects: boolean;
  readonly items: readonly CarriedItem[];
  /** By item: what the ledger says in the place of its value, as far as it was worked out while the provider was at work. */
  readonly commitments: ReadonlyMap<string, string>;
  /** How many different IDs the call named. */
  readonly distinct: number;
  /** Null for a call that was begun and never completed. */
  readonly sent: Sent | null;
}

/** A call with everything that decides what it makes of its items. */
export interface JudgedCall extends FinishedCall {
  readonly histories: readonly RecordedItem[];
  readonly gateBefore: Gate;
  readonly gateAfter: Gate;
  /** A call recorded together with it closed the gate, and gives back what this one would have spent. */
  readonly givenBack: boolean;
}

/** What holds for every call of one record. */
export interface About {
  readonly nowMs: number;
  readonly settings: Settings;
  /** Requests that were cancelled: nothing of theirs is sent again. */
  readonly cancelled: ReadonlySet<string>;
}

/** An ID that a selector's pass named, as an item. */
export interface RevealedItem {
  readonly attemptId: string;
  readonly requestId: string;
  readonly selectorId: string;
  readonly id: string;
  readonly scope: Scope;
  readonly externalId: string;
  readonly said: Answer['said'];
}

/** What one pass of a selector revealed. */
export interface Revealed {
  readonly changes: readonly ItemChange[];
  readonly said: AnswerValues['items'];
  readonly doubted: readonly Doubted[];
  readonly named: readonly RevealedItem[];
  readonly happening: Partial<Extract<Happening, { kind: 'pass' }>>;
  /** True when an ID that an earlier pass revealed was erased since, by a call of its own too. */
  readonly erasedBefore: boolean;
  /** How many different IDs all passes revealed so far. */
  readonly matched: number;
}
