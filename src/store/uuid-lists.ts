/** Thousands of ids as parameters: in one text for all that have something in common, not in a text and a parameter each. */

/** Ids of items that belong to the same two things. */
export interface IdList {
  readonly of: readonly [string, string];
  readonly ids: readonly string[];
}

/** The items by request and by what `other` gives, in the order in which each pair first came. */
export function listsBy<T extends { readonly requestId: string; readonly id: string }>(
  items: readonly T[],
  other: (item: T) => string,
): IdList[] {
  const lists = new Map<string, { of: readonly [string, string]; ids: string[] }>();
  let last: { of: readonly [string, string]; ids: string[] } | undefined;
  for (const item of items) {
    const of = other(item);
    if (last?.of[0] !== item.requestId || last.of[1] !== of) {
      const key = `${item.requestId} ${of}`;
      last = lists.get(key) ?? { of: [item.requestId, of], ids: [] };
      lists.set(key, last);
    }
    last.ids.push(item.id);
  }
  return [...lists.values()];
}

/** Parameters for `unnest($a::uuid[], $b::…[], $c::text[]) as l (request_id, other, ids)`, whose ids are read by `ids::uuid[]`. */
export function listParameters(lists: readonly IdList[]): [string[], string[], string[]] {
  return [lists.map(({ of }) => of[0]), lists.map(({ of }) => of[1]), lists.map(({ ids }) => `{${ids.join(',')}}`)];
}
