/** Everything that is known of a run when it is over: what the checker reads, and nothing else. */
import type { SandboxCall } from '../../src/sandbox/ledger.js';

/** Something that was done to the installation. A crash at one moment begins and ends in it. */
export interface Disturbed {
  readonly what: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** Whether calls under way may have been lost to it: what explains a repeated call. */
  readonly losesCalls: boolean;
  /** Whether it is a process that ended by SIGKILL. */
  readonly kill: boolean;
}

/** One body that was submitted under one key, until it was answered for good. */
export interface Submitted {
  readonly key: string;
  readonly body: { readonly targets: readonly Asked[] } & Readonly<Record<string, unknown>>;
  /** Every 202 in the order of arrival, byte for byte. */
  readonly accepted: string[];
  /** Whether the request stood in Postgres when the 202 had come. */
  committed: boolean | null;
  /** Statuses that are neither 202 nor a reason to come again. */
  readonly refusals: string[];
  /** Status of another body under the same key; null where not tried. */
  otherBody: number | null;
}

export interface Asked {
  readonly system: string;
  readonly organizationId?: string;
  readonly documentId?: string;
  readonly ids?: readonly string[];
  readonly documentIds?: readonly string[];
  readonly annotationIds?: readonly string[];
}

export interface RequestRow {
  readonly id: string;
  readonly status: string;
  readonly settledMs: number | null;
  readonly counts: Readonly<Record<string, number>>;
}

export interface ItemRow {
  readonly requestId: string;
  readonly id: string;
  readonly system: string;
  readonly externalId: string;
  readonly outcome: string;
  /** What the API says of the same item. */
  readonly shown: string;
  readonly evidence: string | null;
  readonly attempts: number;
  readonly proofId: string | null;
  readonly settledMs: number | null;
  readonly dueMs: number;
  /** Whether the provider still holds the ID. */
  readonly held: boolean;
}

export interface AttemptRow {
  readonly id: string;
  readonly batchId: string;
  readonly epoch: number;
  readonly system: string;
  readonly provider: string;
  readonly startedMs: number;
  readonly endedMs: number | null;
  readonly verdict: string | null;
  readonly late: boolean;
  readonly httpStatus: number | null;
  /** Items that it carried. */
  readonly itemIds: readonly string[];
}

export interface History {
  readonly outcomes: readonly {
    readonly itemId: string;
    readonly before: string;
    readonly after: string;
    readonly proofId: string | null;
    readonly tx: string;
    readonly atMs: number;
  }[];
  readonly ends: readonly {
    readonly attemptId: string;
    readonly verdict: string;
    readonly epoch: number;
    readonly liveEpoch: number | null;
    readonly tx: string;
  }[];
  /** Attempts ever begun. */
  readonly begins: readonly string[];
  readonly settlings: readonly {
    readonly requestId: string;
    readonly before: number | null;
    readonly after: number | null;
    readonly tx: string;
  }[];
  readonly receipts: readonly { readonly requestId: string; readonly tx: string }[];
  readonly gates: readonly { readonly system: string; readonly reason: string | null; readonly tx: string }[];
}

/** An event of the ledger, with the transaction that wrote it; null where the history knows of none. */
export interface EventRow {
  readonly stream: string;
  readonly seq: number;
  readonly body: string;
  /** Base64. */
  readonly hash: string;
  /** Null while it waits for the sealer. */
  readonly leafIndex: number | null;
  readonly tx: string | null;
}

/** A period export as it came: `cut` when the connection ended before the answer did. */
export interface PeriodExport {
  readonly format: 'csv' | 'ndjson';
  readonly text: string;
  readonly cut: boolean;
}

/** The ledger as it stands in the database, and what was given out of it. */
export interface LedgerRecord {
  readonly events: readonly EventRow[];
  /** By size; the root in Base64. */
  readonly checkpoints: readonly { readonly size: number; readonly root: string; readonly note: string }[];
  /** C2SP verifier key of the signing key that the suite gave to the service. */
  readonly verifierKey: string;
  /** Checkpoints that the API gave out while the run went on, oldest first. */
  readonly givenOut: readonly string[];
  /** Evidence of settled requests, as the API gave it in the end. */
  readonly bundles: readonly { readonly requestId: string; readonly text: string }[];
  readonly exports: readonly PeriodExport[];
}

export interface ProcessEnd {
  readonly name: string;
  /** Whether it worked, and from when until when; null for never. */
  readonly works: boolean;
  readonly readyMs: number | null;
  readonly endMs: number | null;
  readonly code: number | null;
  readonly signal: string | null;
  readonly expected: boolean;
  readonly log: readonly string[];
}

export interface Evidence {
  readonly timings: { readonly timeoutMs: number; readonly marginMs: number };
  readonly limits: { readonly concurrency: number; readonly callsPerMinute: number | null };
  readonly disturbed: readonly Disturbed[];
  /** Requests whose items a person cancelled or sent again while calls were under way. */
  readonly steeredByHand: ReadonlySet<string>;
  readonly submitted: readonly Submitted[];
  readonly requests: readonly RequestRow[];
  readonly items: readonly ItemRow[];
  readonly attempts: readonly AttemptRow[];
  readonly history: History;
  readonly ledger: LedgerRecord;
  readonly idempotencyKeys: number;
  readonly calls: readonly SandboxCall[];
  readonly maxInFlight: Readonly<Record<string, number>>;
  readonly maxPerMinute: Readonly<Record<string, number>>;
  /** From the end of the disturbances until nothing was pending; null when that never came. */
  readonly quietMs: number | null;
  readonly processes: readonly ProcessEnd[];
  /** Connections to Postgres once every process had ended. */
  readonly connectionsLeft: number;
  /** What GET said of a request's settled items, in the order of asking. */
  readonly looks: readonly { readonly requestId: string; readonly settled: number }[];
}
