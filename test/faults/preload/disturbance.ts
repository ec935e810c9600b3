/** What is done to a service process from within, without a line of it being changed on disk. Travels in a URL, as JSON. */
export interface Disturbance {
  /** Text of the compiled service replaced while it is loaded: a failpoint, or a bug put in on purpose. */
  readonly rewrites?: readonly Rewrite[];
  /** The place at which the process kills itself, the nth time that it comes there. */
  readonly failpoint?: { readonly name: string; readonly hit: number };
  /** `Date` runs this far ahead (or behind); with `stepEveryMs` it jumps between that and as far behind. */
  readonly clock?: { readonly offsetMs: number; readonly stepEveryMs?: number };
  /** On SIGUSR2 the event loop is blocked for so long. */
  readonly busyMs?: number;
  /** From SIGUSR2 on, this share of all statements fails. */
  readonly statementErrors?: { readonly share: number; readonly seed: number };
}

/** One replacement in `dist/FILE`. `find` must stand there exactly once, else the process does not start. */
export interface Rewrite {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** The line that a process writes when it kills itself at a failpoint: the proof that it was there. */
export const FAILPOINT_LINE = 'killed at failpoint ';

/** Failpoints that are no place in the code: the moment after the last byte of a call was handed to the kernel. */
export const AFTER_SEND = 'after send, before answer';
