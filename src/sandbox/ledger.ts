import type { SandboxScope } from './data.js';
import { providerOf, type SandboxProvider, type SandboxSystem } from './routes.js';

/** IDs of one system and scope that a call really took away. */
export interface Deletion {
  readonly system: SandboxSystem;
  readonly scope: SandboxScope;
  readonly ids: readonly string[];
  /** Annotations that vanished with their document: the call did not name them. */
  readonly cascade: boolean;
}

/** What the answer says of an ID. */
export type AnswerWord =
  'deleted' | 'absent' | 'internal' | 'denied' | 'unknown' | 'omitted' | 'moved' | 'contradicted';

/** One call that reached the sandbox. */
export interface SandboxCall {
  readonly seq: number;
  /** When its head arrived, in ms since 1970. */
  readonly atMs: number;
  /** When its connection was done with it; null while it is under way. */
  endedAtMs: number | null;
  /** Null for a call of no known route. */
  readonly system: SandboxSystem | null;
  readonly method: string;
  readonly path: string;
  /** Calls of this provider under way when it arrived, itself among them. */
  readonly inFlight: number;
  /** The parsed JSON body; undefined where it was none, or where bodies are not kept. */
  body: unknown;
  /** The IDs that it named for deletion, tags among them; not those of its scope. */
  ids: readonly string[];
  /** HTTP status sent; null where nothing was, or not yet. */
  status: number | null;
  /** Whether the whole answer left; null while under way. */
  delivered: boolean | null;
  /** The faults that were applied, as they were written. */
  readonly faults: string[];
  readonly deleted: Deletion[];
  /** Empty where the answer was replaced, spoiled or withheld as a whole. */
  answers: Partial<Record<AnswerWord, string[]>>;
  /** An empty or unknown filter made it mean more than it named. */
  widened: boolean;
  /** It followed a redirect that must not be followed. */
  readonly leak: boolean;
}

/** Path under which redirects point; a call there is a leak. */
export const LEAK_PREFIX = '/redirected';

/** Every call in the order of arrival. */
export class SandboxLedger {
  private entries: SandboxCall[] = [];
  private readonly underWay: Record<SandboxProvider, number> = { velt: 0, supermemory: 0 };
  private readonly peak: Record<SandboxProvider, number> = { velt: 0, supermemory: 0 };
  private nextSeq = 1;

  /** All calls, or those of one system. */
  calls(system?: SandboxSystem): readonly SandboxCall[] {
    return system === undefined ? this.entries : this.entries.filter((call) => call.system === system);
  }

  /** The calls that named this ID for deletion. */
  callsWith(system: SandboxSystem, id: string): readonly SandboxCall[] {
    return this.entries.filter((call) => call.system === system && call.ids.includes(id));
  }

  /** How often an ID was really deleted, whether named or vanished with its document. */
  timesDeleted(system: SandboxSystem, scope: SandboxScope, id: string): number {
    return this.entries
      .flatMap(({ deleted }) => deleted)
      .filter(
        (deletion) =>
          deletion.system === system &&
          deletion.scope.organizationId === scope.organizationId &&
          deletion.scope.documentId === scope.documentId &&
          deletion.ids.includes(id),
      ).length;
  }

  /** Calls that followed a redirect. */
  leaks(): readonly SandboxCall[] {
    return this.entries.filter(({ leak }) => leak);
  }

  /** The most calls of a provider that were ever under way at once. */
  maxInFlight(provider: SandboxProvider): number {
    return this.peak[provider];
  }

  /** Calls of a provider that are under way now. */
  inFlight(provider: SandboxProvider): number {
    return this.underWay[provider];
  }

  /** The most calls of a provider that arrived within any sliding window of `windowMs`, its end excluded. */
  maxWithin(provider: SandboxProvider, windowMs: number): number {
    const times = this.entries
      .filter(({ system }) => system !== null && providerOf(system) === provider)
      .map(({ atMs }) => atMs)
      .sort((a, b) => a - b);
    let most = 0;
    let first = 0;
    for (const [last, atMs] of times.entries()) {
      while (atMs - (times[first] ?? atMs) >= windowMs) first += 1;
      most = Math.max(most, last - first + 1);
    }
    return most;
  }

  /** Opens the entry of a call that has just arrived; `close` it when its connection is done with it. */
  open(atMs: number, system: SandboxSystem | null, method: string, path: string): SandboxCall {
    let inFlight = 1;
    if (system !== null) {
      const provider = providerOf(system);
      this.underWay[provider] += 1;
      inFlight = this.underWay[provider];
      this.peak[provider] = Math.max(this.peak[provider], inFlight);
    }
    const call: SandboxCall = {
      seq: this.nextSeq++,
      atMs,
      endedAtMs: null,
      system,
      method,
      path,
      inFlight,
      body: undefined,
      ids: [],
      status: null,
      delivered: null,
      faults: [],
      deleted: [],
      answers: {},
      widened: false,
      leak: path.startsWith(LEAK_PREFIX),
    };
    this.entries.push(call);
    return call;
  }

  close(call: SandboxCall, atMs: number, delivered: boolean): void {
    if (call.system !== null) this.underWay[providerOf(call.system)] -= 1;
    call.endedAtMs = atMs;
    call.delivered = delivered;
  }

  /** Forgets all calls; those under way still count as such. */
  clear(): void {
    this.entries = [];
    this.peak.velt = this.underWay.velt;
    this.peak.supermemory = this.underWay.supermemory;
  }
}

/** Notes what an answer says of an ID. */
export function noteAnswer(call: SandboxCall, word: AnswerWord, id: string): void {
  const ids = call.answers[word];
  if (ids === undefined) call.answers[word] = [id];
  else ids.push(id);
}
