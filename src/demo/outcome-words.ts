/** How an outcome looks: a symbol that is read without its colour, and a colour that is read without its symbol. */
import type { Outcome } from '../core/item.js';
import type { Colour } from './screen.js';

interface Look {
  readonly symbol: string;
  readonly words: string;
  readonly colour: Colour;
}

export const LOOKS = {
  erased: { symbol: '✔', words: 'erased', colour: 'green' },
  already_absent: { symbol: '○', words: 'already absent', colour: 'cyan' },
  nothing_matched: { symbol: '◇', words: 'nothing matched', colour: 'cyan' },
  failed: { symbol: '✖', words: 'failed', colour: 'red' },
  unconfirmed: { symbol: '?', words: 'unconfirmed', colour: 'yellow' },
  cancelled: { symbol: '–', words: 'cancelled', colour: 'magenta' },
  pending: { symbol: '·', words: 'pending', colour: 'dim' },
} as const satisfies Record<Outcome, Look>;

/** The order in which outcomes are counted on a line. */
export const OUTCOMES_SHOWN = [
  'erased',
  'already_absent',
  'nothing_matched',
  'failed',
  'unconfirmed',
  'cancelled',
  'pending',
] as const satisfies readonly Outcome[];
