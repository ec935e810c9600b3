import { SandboxInputError } from './json.js';

/**
 * Reach of a fault: `call` replaces or spoils the whole answer (one a call, the first wins); `answer` bends an answer that
 * is otherwise right; `item` concerns one ID; `latency` delays.
 */
export type FaultReach = 'call' | 'answer' | 'item' | 'latency';

const KINDS = {
  latency: { reach: 'latency', deletes: true },
  status: { reach: 'call', deletes: false },
  refuse: { reach: 'call', deletes: false },
  error500: { reach: 'call', deletes: false },
  quota: { reach: 'call', deletes: false },
  redirect: { reach: 'call', deletes: false },
  html: { reach: 'call', deletes: false },
  'error-200': { reach: 'call', deletes: false },
  timeout: { reach: 'call', deletes: true },
  reset: { reach: 'call', deletes: true },
  cut: { reach: 'call', deletes: true },
  empty: { reach: 'call', deletes: true },
  garbage: { reach: 'call', deletes: true },
  'truncated-json': { reach: 'call', deletes: true },
  'not-object': { reach: 'call', deletes: true },
  huge: { reach: 'call', deletes: true },
  'gzip-bomb': { reach: 'call', deletes: true },
  'slow-body': { reach: 'call', deletes: true },
  stranger: { reach: 'answer', deletes: true },
  'count-high': { reach: 'answer', deletes: true },
  'count-low': { reach: 'answer', deletes: true },
  'success-false': { reach: 'answer', deletes: true },
  'error-and-result': { reach: 'answer', deletes: true },
  internal: { reach: 'item', deletes: false },
  denied: { reach: 'item', deletes: false },
  'unknown-code': { reach: 'item', deletes: false },
  'unknown-text': { reach: 'item', deletes: false },
  'omit-kept': { reach: 'item', deletes: false },
  omit: { reach: 'item', deletes: true },
  'moved-key': { reach: 'item', deletes: true },
  'wrong-type': { reach: 'item', deletes: true },
  'duplicate-keys': { reach: 'item', deletes: true },
} as const satisfies Record<string, { reach: FaultReach; deletes: boolean }>;

export type FaultName = keyof typeof KINDS;

/** A fault as it was written, taken apart. The written form is `NAME[-kept|-before|-after][:PARAMETER][*TIMES]`. */
export interface Fault {
  readonly text: string;
  readonly name: FaultName;
  readonly reach: FaultReach;
  /** The HTTP status of `status`, else null. */
  readonly status: number | null;
  readonly parameter: string | null;
  /** Whether the IDs are deleted all the same. */
  readonly deletes: boolean;
  /** Applied so many times, then never again; null for always. */
  readonly times: number | null;
}

/** Reads a fault as docs/sandbox.md writes it. Throws SandboxInputError for one that does not exist. */
export function parseFault(text: string): Fault {
  const match = /^([^:*]+)(?::(.*?))?(?:\*(\d+))?$/su.exec(text);
  const written = match?.[1] ?? '';
  const plain = knownName(written);
  const base = plain === null ? written.replace(/-(kept|before|after)$/u, '') : written;
  const name = plain ?? knownName(base);
  if (name === null || (base !== written && KINDS[name].reach !== 'call')) {
    throw new SandboxInputError(`there is no fault "${text}"`);
  }
  const status = name === 'status' ? Number(base) : null;
  const usual = status === null ? KINDS[name].deletes : status < 300;
  return {
    text,
    name,
    reach: KINDS[name].reach,
    status,
    parameter: match?.[2] ?? null,
    deletes: base === written ? usual : written.endsWith('-after'),
    times: match?.[3] === undefined ? null : Number(match[3]),
  };
}

/** The text with the case of every ASCII letter flipped: the key under which `moved-key` answers. */
export function swapCase(text: string): string {
  return text.replace(/[a-z]+|[A-Z]+/gu, (run) => (run < 'a' ? run.toLowerCase() : run.toUpperCase()));
}

function knownName(text: string): FaultName | null {
  if (/^[2-5]\d\d$/u.test(text)) return 'status';
  return text !== 'status' && isFaultName(text) ? text : null;
}

function isFaultName(text: string): text is FaultName {
  return Object.hasOwn(KINDS, text);
}
