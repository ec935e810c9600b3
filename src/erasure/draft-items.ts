/** From targets to items: what is asked, once each, with its place in a call and in the order of deletion. */
import { canonicalJson } from '../core/canonical.js';
import { BLOCK_ITEMS, FIRST_ITEM_BLOCK } from '../store/sealed-values.js';
import type { ItemValues } from '../store/sealed-values.js';
import type { ItemGroup, NewItem } from '../store/insert-items.js';
import { newId } from '../store/identifiers.js';
import type { Vault } from '../store/vault.js';
import type { Place, Scope } from '../systems/system.js';
import type { ReadTarget } from '../systems/target.js';
import type { ConfiguredSystem } from './workplace.js';

/** One thing asked: an ID, or a selector with or without a value of its own. */
export interface Asked {
  readonly system: string;
  readonly scope: Scope;
  readonly kind: 'id' | 'selector';
  readonly externalId: string | null;
}

export interface Draft {
  readonly groups: readonly ItemGroup[];
  readonly items: readonly NewItem[];
  /** What each of the items asks for, in their order. */
  readonly asked: readonly (Asked & { readonly id: string })[];
  readonly blocks: readonly { readonly no: number; readonly values: ItemValues }[];
}

/** The things that a target asks for, in its own order. */
function asksOf(target: ReadTarget): Asked[] {
  const { system, scope } = target;
  if (target.selectsScope) return [{ system, scope, kind: 'selector', externalId: null }];
  return [
    ...target.ids.map((externalId): Asked => ({ system, scope, kind: 'id', externalId })),
    ...target.selectors.map((externalId): Asked => ({ system, scope, kind: 'selector', externalId })),
  ];
}

/** Everything that the targets ask for, each thing once, first come first. */
export function distinctAsks(targets: readonly ReadTarget[]): Asked[] {
  const seen = new Set<string>();
  const kept: Asked[] = [];
  for (const target of targets) {
    const scope = scopeKey(target.scope);
    for (const asked of asksOf(target)) {
      // No value holds a NUL, and none is empty: the joined key is as distinct as its parts.
      const key = `${asked.system}\0${scope}\0${asked.kind}\0${asked.externalId ?? ''}`;
      if (seen.has(key)) continue;
      seen.add(key);
      kept.push(asked);
    }
  }
  return kept;
}

/** A scope as one string, the same for equal scopes: lists compare as sets. */
export function scopeKey(scope: Scope): string {
  const known = scopeKeys.get(scope);
  if (known !== undefined) return known;
  const key = canonicalScope(scope);
  scopeKeys.set(scope, key);
  return key;
}

/** Thousands of items share the scope of their target. */
const scopeKeys = new WeakMap<Scope, string>();

function canonicalScope(scope: Scope): string {
  const plain = Object.fromEntries(
    Object.entries(scope).map(([name, value]) => [name, typeof value === 'string' ? value : [...value].sort()]),
  );
  return canonicalJson(plain);
}

/** What must be equal for items to share a call. A selector's lane is its own: it goes alone. */
export function laneDigest(vault: Vault, asked: Asked): Buffer {
  const parts = [asked.system, scopeKey(asked.scope)];
  return asked.kind === 'id'
    ? vault.digest('lane of ids', ...parts)
    : vault.digest('lane of a selector', ...parts, JSON.stringify(asked.externalId));
}

/** Equal for the same thing asked twice, whoever asks. */
export function itemDigest(vault: Vault, asked: Asked): Buffer {
  return vault.digest('item', asked.system, scopeKey(asked.scope), asked.kind, JSON.stringify(asked.externalId));
}

/** The columns by which an item waits for others, or others for it. */
export function orderOf(
  vault: Vault,
  provider: string,
  place: Place | null,
  requestId: string,
): Pick<ItemGroup, 'orderGroup' | 'orderScope' | 'orderRank' | 'orderWarns'> {
  if (place === null) return { orderGroup: null, orderScope: null, orderRank: 0, orderWarns: false };
  const within = place.within === 'request' ? requestId : '';
  return {
    orderGroup: vault.digest('order group', provider, within, place.group),
    orderScope: place.scope === null ? null : vault.digest('order scope', provider, place.scope),
    orderRank: place.rank,
    orderWarns: place.warning !== null,
  };
}

/** Drafts the rows of a request's items. Nothing is written; the blocks are still in clear. */
export function draftItems(
  vault: Vault,
  systems: ReadonlyMap<string, ConfiguredSystem>,
  requestId: string,
  asks: readonly Asked[],
): Draft {
  const groups: ItemGroup[] = [];
  const groupAt = new Map<string, number>();
  const items: NewItem[] = [];
  const drafted: (Asked & { readonly id: string })[] = [];
  const blocks = new BlockDraft();
  const lonely = ranksWithin(systems, asks);
  const groupOf = ({ asked, place }: Alike, scope: string, provider: string): number => {
    const { system, kind, externalId } = asked;
    const key = JSON.stringify([system, scope, kind, kind === 'selector' ? externalId : null, place]);
    const known = groupAt.get(key);
    if (known !== undefined) return known;
    groupAt.set(key, groups.length);
    const order = orderOf(vault, provider, place, requestId);
    return groups.push({ system, kind, lane: laneDigest(vault, asked), ...order }) - 1;
  };
  let before: Alike | null = null;
  let group = 0;
  for (const asked of asks) {
    const found = systems.get(asked.system);
    if (!found) throw new Error(`no system named ${asked.system} is registered`);
    const place = found.system.place(asked.scope, asked.kind, asked.externalId);
    const scope = scopeKey(asked.scope);
    // Within one request, items of a single rank have nobody to wait for: they need no place in the order.
    const waits = place !== null && !(place.within === 'request' && lonely.get(found.system.provider.name) === 1);
    const like: Alike = { asked, place: waits ? place : null };
    if (before === null || !areAlike(before, like)) {
      group = groupOf(like, scope, found.system.provider.name);
      before = like;
    }
    const at = blocks.add(scope, asked);
    const id = newId();
    items.push({ id, group, digest: itemDigest(vault, asked), ...at });
    drafted.push({ id, ...asked });
  }
  return { groups, items, asked: drafted, blocks: blocks.done() };
}

/** An ask with the place in the order that it takes, if any. */
interface Alike {
  readonly asked: Asked;
  readonly place: Place | null;
}

/** True for IDs of one target at one place, as most neighbours are: they stand in one group, without a look for it. */
function areAlike(a: Alike, b: Alike): boolean {
  if (a.asked.kind !== 'id' || b.asked.kind !== 'id') return false;
  if (a.asked.system !== b.asked.system || a.asked.scope !== b.asked.scope) return false;
  if (a.place === null || b.place === null) return a.place === b.place;
  const { group, scope, rank, within, warning } = a.place;
  const other = b.place;
  return (
    group === other.group &&
    scope === other.scope &&
    rank === other.rank &&
    within === other.within &&
    warning === other.warning
  );
}

/** How many ranks the items of each provider have whose order holds within the request alone. */
function ranksWithin(
  systems: ReadonlyMap<string, ConfiguredSystem>,
  asks: readonly Asked[],
): ReadonlyMap<string, number> {
  const ranks = new Map<string, Set<number>>();
  for (const asked of asks) {
    const system = systems.get(asked.system)?.system;
    const place = system?.place(asked.scope, asked.kind, asked.externalId);
    if (!system || place?.within !== 'request') continue;
    const known = ranks.get(system.provider.name) ?? new Set<number>();
    ranks.set(system.provider.name, known.add(place.rank));
  }
  return new Map([...ranks].map(([provider, known]) => [provider, known.size]));
}

class BlockDraft {
  private readonly blocks: {
    scopes: Scope[];
    scopeAt: Map<string, number>;
    items: (readonly [number, string | null])[];
  }[] = [];

  add(scope: string, asked: Asked): { block: number; slot: number } {
    let block = this.blocks.at(-1);
    if (!block || block.items.length >= BLOCK_ITEMS) {
      block = { scopes: [], scopeAt: new Map(), items: [] };
      this.blocks.push(block);
    }
    let at = block.scopeAt.get(scope);
    if (at === undefined) {
      at = block.scopes.push(asked.scope) - 1;
      block.scopeAt.set(scope, at);
    }
    block.items.push([at, asked.externalId]);
    return { block: FIRST_ITEM_BLOCK + this.blocks.length - 1, slot: block.items.length - 1 };
  }

  done(): { no: number; values: ItemValues }[] {
    return this.blocks.map((block, index) => ({
      no: FIRST_ITEM_BLOCK + index,
      values: { scopes: block.scopes, items: block.items },
    }));
  }
}
