import { type Fault, type FaultName, parseFault } from './fault.js';
import { isRecord, readList, readRecord, readText, SandboxInputError } from './json.js';
import { type Carried, isSandboxSystem, providerOf, type SandboxProvider, type SandboxSystem } from './routes.js';

/** A fault for calls at large. Without `times` and `probability` it strikes every call. */
export interface FaultRule {
  readonly fault: string;
  /** Only calls of this system, or of this provider. */
  readonly system?: SandboxSystem | SandboxProvider | undefined;
  /** Strikes the next so many calls. */
  readonly times?: number | undefined;
  /** From 0 to 1, per call; for a fault of single IDs per ID. */
  readonly probability?: number | undefined;
}

export interface FaultSettings {
  readonly rules?: readonly FaultRule[];
  /** Fault by ID, for every call that carries it. */
  readonly ids?: Readonly<Record<string, string>>;
}

/** What is to go wrong with one call. */
export interface CallPlan {
  readonly latencyMs: number;
  readonly call: Fault | null;
  readonly answer: ReadonlySet<FaultName>;
  /** The fault of one ID; asking spends it where it is limited. */
  item(id: string): Fault | null;
  /** The faults that struck so far, as written. */
  readonly struck: string[];
}

interface ActiveRule {
  readonly rule: FaultRule;
  readonly fault: Fault;
  left: number;
}

const MARKER = '~fault:';
const MARKERS = /~fault:([^~]+)~/gu;
const NO_FAULT: CallPlan = { latencyMs: 0, call: null, answer: new Set(), item: () => null, struck: [] };

/** The faults in force; deterministic for a seed and an order of calls. */
export class SandboxFaults {
  private rules: ActiveRule[] = [];
  private readonly byId = new Map<string, Fault>();
  /** How often a limited fault of an ID struck: by ID, then by system and fault. */
  private readonly spent = new Map<string, Map<string, number>>();
  private random: () => number;

  constructor(private readonly randomSeed: number) {
    this.random = seededRandom(randomSeed);
  }

  /** Adds rules and faults by ID to those in force. Throws SandboxInputError for an unknown fault. */
  add(settings: FaultSettings): void {
    const rules = (settings.rules ?? []).map((rule) => {
      const fault = parseFault(rule.fault);
      return { rule, fault, left: rule.times ?? fault.times ?? Number.POSITIVE_INFINITY };
    });
    const byId = Object.entries(settings.ids ?? {}).map(([id, text]) => [id, parseFault(text)] as const);
    this.rules.push(...rules);
    for (const [id, fault] of byId) this.setForId(id, fault);
  }

  /** The same fault for every call. */
  always(fault: string, system?: SandboxSystem | SandboxProvider): void {
    this.add({ rules: [{ fault, system }] });
  }

  /** A fault for the next `times` calls. */
  next(times: number, fault: string, system?: SandboxSystem | SandboxProvider): void {
    this.add({ rules: [{ fault, times, system }] });
  }

  /** A fault for each call that carries this ID. */
  forId(id: string, fault: string): void {
    this.setForId(id, parseFault(fault));
  }

  /** Takes all faults away, except those written in IDs; counts and randomness start anew. */
  clear(): void {
    this.rules = [];
    this.byId.clear();
    this.spent.clear();
    this.random = seededRandom(this.randomSeed);
  }

  /** What is in force, as it was written. */
  list(): { rules: (FaultRule & { left: number | null })[]; ids: Record<string, string> } {
    return {
      rules: this.rules.map(({ rule, left }) => ({ ...rule, left: Number.isFinite(left) ? left : null })),
      ids: Object.fromEntries([...this.byId].map(([id, fault]) => [id, fault.text])),
    };
  }

  /** Decides what goes wrong with a call that carries these IDs, and spends the faults that are limited. */
  plan(system: SandboxSystem, carried: Carried): CallPlan {
    const marked = [...carried.ids, ...carried.scope].filter((id) => this.byId.has(id) || id.includes(MARKER));
    if (this.rules.length === 0 && marked.length === 0 && !this.mayMeetMarkers(system, carried)) return NO_FAULT;

    const answer = new Set<FaultName>();
    const struck: string[] = [];
    const itemRules: ActiveRule[] = [];
    let latencyMs = 0;
    let call: Fault | null = null;
    const consider = (fault: Fault, spend: () => boolean): void => {
      if (fault.reach === 'item' || (fault.reach === 'call' && (call !== null || !concerns(fault, carried)))) return;
      if (!spend()) return;
      struck.push(fault.text);
      if (fault.reach === 'latency') latencyMs += Number(fault.parameter ?? 0);
      else if (fault.reach === 'answer') answer.add(fault.name);
      else call = fault;
    };

    for (const active of this.rules) {
      if (!appliesTo(active.rule, system) || active.left <= 0) continue;
      if (active.fault.reach === 'item') {
        itemRules.push(active);
        active.left -= 1;
      } else consider(active.fault, () => this.spendRule(active));
    }
    for (const id of marked) {
      for (const fault of this.faultsOf(id)) consider(fault, () => this.spendForId(system, id, fault));
    }
    const item = (id: string): Fault | null => {
      const own = this.faultsOf(id).find((fault) => fault.reach === 'item' && this.spendForId(system, id, fault));
      const found = own ?? itemRules.find(({ rule }) => this.rolls(rule))?.fault ?? null;
      if (found !== null && !struck.includes(found.text)) struck.push(found.text);
      return found;
    };
    return { latencyMs, call, answer, item, struck };
  }

  /** A selector finds IDs that its call does not carry, and those may be marked too. */
  private mayMeetMarkers(system: SandboxSystem, carried: Carried): boolean {
    return system === 'velt.comments' && carried.ids.length === 0;
  }

  private setForId(id: string, fault: Fault): void {
    this.byId.set(id, fault);
    this.spent.delete(id);
  }

  private faultsOf(id: string): Fault[] {
    const listed = this.byId.get(id);
    const written = id.includes(MARKER) ? [...id.matchAll(MARKERS)].map(([, text]) => parseFault(text ?? '')) : [];
    return listed === undefined ? written : [listed, ...written];
  }

  private spendRule(active: ActiveRule): boolean {
    if (!this.rolls(active.rule)) return false;
    active.left -= 1;
    return true;
  }

  private spendForId(system: SandboxSystem, id: string, fault: Fault): boolean {
    if (fault.times === null) return true;
    const counts = this.spent.get(id) ?? new Map<string, number>();
    const key = `${system} ${fault.text}`;
    const spent = counts.get(key) ?? 0;
    if (spent >= fault.times) return false;
    this.spent.set(id, counts.set(key, spent + 1));
    return true;
  }

  private rolls(rule: FaultRule): boolean {
    return rule.probability === undefined || this.random() < rule.probability;
  }
}

/** Checks fault settings that came as JSON. Throws SandboxInputError naming the place that is wrong. */
export function readFaultSettings(value: unknown): FaultSettings {
  const settings = readRecord(value, 'faults', ['rules', 'ids']);
  const ids = settings['ids'] === undefined ? {} : settings['ids'];
  if (!isRecord(ids)) throw new SandboxInputError('ids must be an object');
  return {
    rules: readList(settings['rules'], 'rules', (entry, place) => {
      const rule = readRecord(entry, place, ['fault', 'system', 'times', 'probability']);
      return {
        fault: readText(rule['fault'], `${place}/fault`),
        system: readSystem(rule['system'], `${place}/system`),
        times: readNumber(rule['times'], `${place}/times`),
        probability: readNumber(rule['probability'], `${place}/probability`),
      };
    }),
    ids: Object.fromEntries(Object.entries(ids).map(([id, fault]) => [id, readText(fault, `ids/${id}`)])),
  };
}

function readSystem(value: unknown, place: string): SandboxSystem | SandboxProvider | undefined {
  if (value === undefined || value === 'velt' || value === 'supermemory' || isSandboxSystem(value)) return value;
  throw new SandboxInputError(`${place} names no system or provider`);
}

function readNumber(value: unknown, place: string): number | undefined {
  if (value === undefined || (typeof value === 'number' && value >= 0)) return value;
  throw new SandboxInputError(`${place} must be a number, 0 or more`);
}

function appliesTo(rule: FaultRule, system: SandboxSystem): boolean {
  return rule.system === undefined || rule.system === system || rule.system === providerOf(system);
}

/** `413:N` concerns only calls of more than N IDs. */
function concerns(fault: Fault, carried: Carried): boolean {
  return fault.status !== 413 || fault.parameter === null || carried.ids.length > Number(fault.parameter);
}

/** Mulberry32: numbers from 0 to 1, the same for the same seed. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
