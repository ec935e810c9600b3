/**
 * What a system is: everything that the rest of the service needs to know of a place that holds data and can be told
 * to delete it. A new system is one folder beside this file and one line in registry.ts; environment, queues, limits,
 * target validation, OpenAPI and health derive from its definition.
 */
import type { Reading } from '../core/answer.js';
import type { HttpCall, Reply, Unreachable } from './http.js';

/** A target without its IDs: who and where, as submitted. Lists compare as sets. */
export type Scope = Readonly<Record<string, string | readonly string[]>>;

/** One provider: an origin, its credentials and its limits, shared by all of its systems. */
export interface Provider {
  /** Lower-case name; upper-cased it prefixes the environment variables (`VELT_API_URL`, `VELT_IDS_PER_CALL` …). */
  readonly name: string;
  readonly title: string;
  readonly defaultUrl: string;
  /** Environment variables that must all be set for the provider to be configured. */
  readonly credentials: readonly string[];
  readonly idsPerCallMax: number;
  readonly concurrencyDefault: number;
}

/** How one field of a target is read. */
export interface TargetField {
  readonly name: string;
  /** `string`: one value of the scope. `filter`: a list that belongs to the scope. `ids`: each value is an item. `selectors`: each value is a selector item of its own. */
  readonly holds: 'string' | 'filter' | 'ids' | 'selectors';
  readonly required: boolean;
  /** For the API document. */
  readonly description: string;
}

/** Which targets a system takes. */
export interface TargetShape {
  readonly description: string;
  readonly fields: readonly TargetField[];
  /** Fields of which at most one may be present. */
  readonly atMostOneOf: readonly (readonly string[])[];
  /** Fields of which exactly one must be present. */
  readonly exactlyOneOf: readonly (readonly string[])[];
}

/** One provider call, before it is put into words. `ids` are unique; `selects` marks a call that names no IDs to delete. */
export interface Call {
  readonly scope: Scope;
  /** The IDs to delete; for a selector that has a value of its own (a container tag) that value; else empty. */
  readonly ids: readonly string[];
  readonly selects: boolean;
}

/**
 * Where an item stands in the order of deletion. Of two unsettled items of one `group`, whose `scope`s are equal or of
 * which one has none, the one of higher rank waits.
 */
export interface Place {
  readonly group: string;
  readonly scope: string | null;
  readonly rank: number;
  /** `everywhere`: against items of any request. `request`: only against items of the same request. */
  readonly within: 'everywhere' | 'request';
  /** The warning that the request gets when the item goes before its turn because the deadline is near, else null. */
  readonly warning: 'document_before_comments' | null;
}

export interface System {
  readonly name: string;
  readonly title: string;
  readonly provider: Provider;
  readonly target: TargetShape;
  /**
   * Where a submitted or discovered item stands in the order of deletion; null where it waits for nobody and holds
   * nobody. `id` is the item's external ID (a container tag, for a selector that has one), else null.
   */
  place(scope: Scope, kind: 'id' | 'selector', id: string | null): Place | null;
  /** The scope under which an ID that a selector revealed is asked for by its ID; null where selectors reveal no IDs. */
  discoveredScope(selector: Scope): Scope | null;
  /** Puts a call into words. Throws when the words would delete more than was asked: a bug of ours, never sent. */
  write(call: Call, credentials: Readonly<Record<string, string>>): HttpCall;
  /** Reads a reply. Pure and total: never throws, whatever bytes came; answers for exactly the IDs asked. */
  classify(call: Call, reply: Reply | Unreachable): Reading;
}

/** Checks a definition once, where it is made, and gives it back. */
export function defineSystem(system: System): System {
  if (!/^[a-z][a-z0-9]*(\.[a-z][a-z0-9]*)+$/.test(system.name)) {
    throw new Error(`system name ${system.name} is not of the form provider.noun`);
  }
  if (!system.name.startsWith(`${system.provider.name}.`)) {
    throw new Error(`system ${system.name} does not carry the name of its provider ${system.provider.name}`);
  }
  return system;
}
