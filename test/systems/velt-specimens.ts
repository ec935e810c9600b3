/** Velt's documented replies, in the dialects of its pages, and a second reading of them. */
import fc from 'fast-check';

import type { Call } from '../../src/systems/system.js';
import { at, ids, REFUSALS, states } from './specimen.js';
import type { Specimen, State } from './specimen.js';

const deleted = { success: true, id: '6737987049068973', message: 'Deleted Successfully' };
/** A map as JSON carries it: `__proto__` an own member, IDs that are left out left out. */
function mapOf(says: ReadonlyMap<string, State>, entry: (name: string, state: State) => unknown): unknown {
  return Object.fromEntries(
    [...says].filter(([, state]) => state !== 'unclear').map(([name, state]) => [name, entry(name, state)]),
  );
}

const failed = (name: string, state: State) =>
  state === 'absent'
    ? { success: false, id: name, message: 'Document does not exist', code: 'not-found' }
    : { success: false, id: name, message: 'Internal error', code: 'internal' };

const word = (value: unknown): string => (typeof value === 'string' ? value : '');

function veltEntry(body: unknown, name: string): unknown {
  const isError = (at(body, 'error') ?? null) !== null;
  const map = isError ? at(body, 'error', 'details') : at(body, 'result', 'data');
  if (!Array.isArray(map)) return at(map, name);
  const mine: unknown[] = map.filter((entry) => at(entry, 'id') === name);
  return isError && mine.length === 1 ? mine[0] : undefined;
}

const RPC_REFUSALS = [
  'INVALID_ARGUMENT',
  'FAILED_PRECONDITION',
  'OUT_OF_RANGE',
  'UNAUTHENTICATED',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
];

const velt = {
  proves(_call: Call, status: number, body: unknown, name: string, said: 'erased' | 'absent'): boolean {
    if (status >= 300 && status < 400) return false;
    const entry = veltEntry(body, name);
    const text = word(at(entry, 'message')).trim().toLowerCase().replace(/\.$/, '');
    const isAbsentText = ['document does not exist', 'annotation not found'].includes(text);
    const code = at(entry, 'code') ?? null;
    if (said === 'erased')
      return at(entry, 'success') === true && code === null && (text === '' || /\bdeleted\b/.test(text));
    if (at(entry, 'success') === true) return code === null && isAbsentText;
    const isCode = typeof code === 'string' && code.toLowerCase().replace('_', '-') === 'not-found';
    return at(entry, 'success') === false && (code === null ? isAbsentText : isCode);
  },
  provesNothing(_call: Call, body: unknown): boolean {
    const data = at(body, 'result', 'data');
    const isMap = typeof data === 'object' && data !== null && !Array.isArray(data);
    return (at(body, 'error') ?? null) === null && isMap && Object.keys(data).length === 0;
  },
  refuses(status: number, body: unknown): boolean {
    const isOwn =
      typeof at(body, 'error', 'status') === 'string' ||
      typeof at(body, 'error', 'message') === 'string' ||
      typeof at(body, 'error', 'code') === 'string';
    const name = word(at(body, 'error', 'status') ?? at(body, 'error', 'code'))
      .toUpperCase()
      .replaceAll('-', '_');
    return isOwn && (at(body, 'result') ?? null) === null && (REFUSALS.includes(status) || RPC_REFUSALS.includes(name));
  },
};

export const veltDocuments: Specimen = {
  ...velt,
  calls: fc.record({ scope: fc.constant({ organizationId: 'org1' }), ids, selects: fc.constant(false) }),
  selectors: null,
  genuine(call) {
    const success = (data: unknown) => ({
      status: 200,
      body: { result: { status: 'success', message: 'Done.', data } },
      nothing: false,
    });
    const seed = states(call, 'erased', 'absent', 'unclear').map((says) => ({
      ...success(
        mapOf(says, (_, state) => (state === 'erased' ? deleted : { ...deleted, message: 'Document does not exist' })),
      ),
      says,
    }));
    const inline = states(call, 'erased', 'absent', 'later', 'unclear').map((says) => ({
      ...success(mapOf(says, (name, state) => (state === 'erased' ? deleted : failed(name, state)))),
      says,
    }));
    const partial = fc.tuple(inline, fc.constantFrom(500, 404, 409)).map(([{ body, says }, status]) => {
      const isPartial = [...says.values()].some((state) => state === 'absent' || state === 'later');
      const error = { status: 'INTERNAL', message: 'Error deleting document(s).', details: at(body, 'result', 'data') };
      return isPartial
        ? { status, body: { error }, says, nothing: false }
        : { status: 200, body, says, nothing: false };
    });
    return fc.oneof(seed, inline, partial);
  },
};

const documentScopes = fc.constantFrom<Call['scope'][]>(
  { documentId: 'd1' },
  { organizationId: 'org1', documentId: 'd1' },
  { documentId: 'd1', locationIds: ['l1', 'l2'] },
);

const annotationEntry = (name: string, state: State) =>
  state === 'erased' ? deleted : { success: false, id: name, message: 'Annotation not found.' };

export const veltComments: Specimen = {
  ...velt,
  calls: fc.record({ scope: documentScopes, ids, selects: fc.constant(false) }),
  selectors: fc.record({
    scope: fc.oneof(documentScopes, fc.constant({ documentId: 'd1', userIds: ['u1'] })),
    ids: fc.constant([]),
    selects: fc.constant(true),
  }),
  genuine(call) {
    const body = (data: unknown) => ({
      result: { status: 'success', message: 'Annotations deleted successfully.', data },
    });
    const named = states(call, 'erased', 'absent', 'unclear');
    const revealed = fc
      .array(fc.uuid(), { maxLength: 5 })
      .map((found) => new Map<string, State>(found.map((name) => [name, 'erased'])));
    const data = (call.selects ? revealed : named).map((says) => ({
      status: 200,
      body: body(mapOf(says, annotationEntry)),
      says,
      nothing: call.selects && says.size === 0,
    }));
    const unclear: ReadonlyMap<string, State> = new Map(call.ids.map((name) => [name, 'unclear']));
    const none = fc
      .constantFrom(null, undefined)
      .map((empty) => ({ status: 200, body: body(empty), says: unclear, nothing: false }));
    const partial = fc.tuple(data, fc.constantFrom(400, 403, 500)).map(([{ body: whole, says }, status]) => {
      const details = at(whole, 'result', 'data');
      const error = { status: 'INTERNAL', message: 'ERROR_MESSAGE', details };
      const isNamed = [...says.values()].some((state) => state !== 'unclear');
      return isNamed
        ? { status, body: { error }, says, nothing: false }
        : { status: 200, body: whole, says, nothing: call.selects };
    });
    return fc.oneof({ weight: 4, arbitrary: data }, { weight: 2, arbitrary: partial }, { weight: 1, arbitrary: none });
  },
};
