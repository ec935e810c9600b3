/** Supermemory's documented replies, and a second reading of them. */
import fc from 'fast-check';

import { at, id, ids, REFUSALS, states } from './specimen.js';
import type { Specimen } from './specimen.js';

const namedIn = (body: unknown): unknown[] => {
  const errors = at(body, 'errors');
  return Array.isArray(errors) ? errors.map((error) => at(error, 'id')) : [];
};

export const supermemoryDocuments: Specimen = {
  calls: fc.record({ scope: fc.constant({}), ids, selects: fc.constant(false) }),
  selectors: fc.record({ scope: fc.constant({}), ids: id.map((tag) => [tag]), selects: fc.constant(true) }),
  genuine(call) {
    if (call.selects) {
      return fc.nat({ max: 3 }).map((deletedCount) => ({
        status: 200,
        body: { success: true, deletedCount, containerTags: call.ids },
        says: new Map(),
        nothing: deletedCount === 0,
      }));
    }
    const skewed = fc.tuple(
      states(call, 'erased', 'absent', 'later'),
      fc.constantFrom(0, 0, 0, -1, 1),
      fc.constantFrom(false, false, true),
      fc.boolean(),
    );
    return skewed.map(([truth, skew, hasStranger, success]) => {
      const named = [...truth].filter(([, state]) => state !== 'erased');
      const errors = named.map(([name, state]) => ({
        id: name,
        error: state === 'absent' ? 'Memory not found' : 'Internal error',
      }));
      const deletedCount = Math.max(0, truth.size - named.length + skew);
      const isSound = deletedCount === truth.size - named.length && !hasStranger;
      const says = new Map(
        [...truth].map(([name, state]) => [name, state === 'erased' && !isSound ? 'unclear' : state] as const),
      );
      const all = hasStranger ? [...errors, { id: 'never asked \u{1f47b}', error: 'Memory not found' }] : errors;
      return {
        status: 200,
        body: { success, deletedCount, ...(all.length > 0 ? { errors: all } : {}) },
        says,
        nothing: false,
      };
    });
  },
  proves(call, status, body, name, said) {
    if (status >= 300 && status < 400) return false;
    const errors = at(body, 'errors');
    if (said === 'absent') {
      const mine = Array.isArray(errors) ? errors.filter((error) => at(error, 'id') === name) : [];
      return (
        mine.length > 0 &&
        mine.every((error) => /^\s*(memory|document) not found\.?\s*$/i.test(String(at(error, 'error'))))
      );
    }
    const strangers = namedIn(body).filter((named) => !call.ids.some((asked) => asked === named));
    const asked = new Set(namedIn(body));
    const isList = errors === undefined || Array.isArray(errors);
    const isSuccess =
      status >= 200 && status < 300 && typeof at(body, 'success') === 'boolean' && (at(body, 'error') ?? null) === null;
    return (
      isSuccess &&
      isList &&
      strangers.length === 0 &&
      !asked.has(name) &&
      at(body, 'deletedCount') === call.ids.length - asked.size
    );
  },
  provesNothing(call, body) {
    const tags = at(body, 'containerTags') ?? [];
    const isOurs = Array.isArray(tags) && tags.every((tag) => call.ids.some((asked) => asked === tag));
    return at(body, 'success') === true && at(body, 'deletedCount') === 0 && isOurs && namedIn(body).length === 0;
  },
  refuses(status, body) {
    return REFUSALS.includes(status) && typeof at(body, 'error') === 'string' && at(body, 'deletedCount') === undefined;
  },
};
