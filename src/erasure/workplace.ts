/** What every verb works with: the database, the vault, the systems as configured, and the doorbell. */
import type { Reading } from '../core/answer.js';
import type { Database } from '../store/database.js';
import type { Vault } from '../store/vault.js';
import type { Call, System } from '../systems/system.js';

/** One provider as this installation is set up to call it. */
export interface ProviderSettings {
  readonly name: string;
  /** Calls at once, all its systems and all workers together. */
  readonly concurrency: number;
  /** Calls in any sliding minute, or null for no limit. */
  readonly callsPerMinute: number | null;
}

/** One system as this installation is set up to call it. */
export interface ConfiguredSystem {
  readonly system: System;
  readonly provider: ProviderSettings;
  /** False when the provider's credentials are not set: nothing is sent, and new targets are refused. */
  readonly configured: boolean;
  readonly idsPerCall: number;
  /** Tells one set of credentials from another without saying what they are; null when not configured. */
  readonly credentialsDigest: Buffer | null;
  /** Sends one call and reads what came back. Never throws; `mayStillSend` is asked right before the first byte. */
  send(call: Call, mayStillSend: () => boolean): Promise<Sent>;
}

/** A call that was made, or was not. */
export interface Sent {
  readonly reading: Reading;
  readonly httpStatus: number | null;
  /** Hex SHA-256 of the raw answer, or null when there was none whole. */
  readonly sha256: string | null;
  /** False when the sender itself held the call back: nothing left us and nobody is to blame. */
  readonly left: boolean;
}

export interface Settings {
  readonly providerTimeoutMs: number;
  readonly leaseMarginMs: number;
  readonly batchLingerMs: number;
  readonly retryBaseMs: number;
  readonly retryMaxAttempts: number;
  /** How long after it ended a request keeps its personal values; null: until shredded by hand. */
  readonly retentionDays: number | null;
  readonly allowPrivateEndpoints: boolean;
}

/** Calls are counted over this window, a little more than a minute: a call may reach the provider later than its row. */
const CALL_WINDOW_MS = 62_000;

/** Wakes whoever hands out work, and whoever delivers notifications. Never awaited, never fails: what it misses, the tick finds. */
export interface Doorbell {
  /** Something became due at these systems. */
  ring(systems: readonly string[]): void;
}

/** Where the verbs say what a person should know. Never given anything personal. */
export interface Log {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** Is told of every provider call, for the metrics. */
export interface CallObserver {
  observe(system: string, verdict: string, seconds: number): void;
}

export class Workplace {
  constructor(
    readonly database: Database,
    readonly vault: Vault,
    readonly systems: ReadonlyMap<string, ConfiguredSystem>,
    readonly settings: Settings,
    readonly doorbell: Doorbell,
    readonly log: Log,
    readonly calls: CallObserver,
    /** How long a call counts against the limit of its provider. Other than a minute and a little only in tests. */
    readonly callWindowMs: number = CALL_WINDOW_MS,
  ) {}

  /** The systems that calls can be sent to. */
  configuredNames(): ReadonlySet<string> {
    return new Set([...this.systems].filter(([, system]) => system.configured).map(([name]) => name));
  }

  /** The system of that name. Throws when nothing of that name is registered: only names out of the registry come here. */
  system(name: string): ConfiguredSystem {
    const found = this.systems.get(name);
    if (!found) throw new Error(`no system named ${name} is registered`);
    return found;
  }
}
