/** What stands under the table: how it went, whether it is true, and what a person does next. */
import { visible } from '../core/visible.js';
import { LOOKS, OUTCOMES_SHOWN } from './outcome-words.js';
import { seconds } from './progress.js';
import type { Counts } from './progress.js';
import type { CrossCheck } from './cross-check.js';
import type { ResultAttempt, ResultItem, ResultRequest } from './results.js';
import type { Colour, Screen } from './screen.js';
import { pad, wrap } from './visible-text.js';

const LABEL_COLUMNS = 10;
const TEXT_COLUMNS_MAX = 100;
const DAY_MS = 24 * 60 * 60 * 1000;

export interface Finish {
  readonly request: ResultRequest;
  readonly items: readonly ResultItem[];
  readonly attempts: readonly ResultAttempt[];
  readonly check: CrossCheck;
  /** From submission until the API said that nothing is pending. */
  readonly elapsedMs: number;
  readonly nowMs: number;
  /** Paths as a person may type them. */
  readonly files: readonly string[];
  /** How the file of the evidence bundle, which was verified, ends. */
  readonly evidence: string;
}

/** The summary's lines, coloured as the screen allows. */
export function summaryLines(finish: Finish, screen: Pick<Screen, 'columns' | 'paint'>): string[] {
  const { request, attempts, check } = finish;
  const columns = Math.min(screen.columns() - LABEL_COLUMNS - 4, TEXT_COLUMNS_MAX);
  const row = (label: string, text: string, ...colours: readonly Colour[]): string =>
    `  ${screen.paint(pad(label, LABEL_COLUMNS), 'dim')}${screen.paint(text, ...colours)}`;
  const entry = (label: string, text: string, ...colours: readonly Colour[]): string[] =>
    wrap(text, columns).map((line, at) => row(at === 0 ? label : '', line, ...colours));
  const next = (at: number, text: string): string => row(at === 0 ? 'Next' : '', text, 'yellow');
  const truth =
    check.wrong === 0
      ? `${check.gone} records are gone from the sandbox, each with an item that says so; the other ${check.kept} are untouched`
      : `${check.wrong} records of the sandbox contradict these outcomes`;
  return [
    `  ${tally(request.counts, screen)}`,
    '',
    ...entry('Status', `${request.status}${STATUS_WORDS.get(request.status) ?? ''}`, 'bold'),
    ...entry('Due', `${request.dueAt.slice(0, 10)}, one month after receipt: ${daysLeft(finish)}`),
    ...EVIDENCE_WORDS.filter(([word]) => finish.items.some(({ evidence }) => evidence === word)).flatMap(
      ([word, meaning], at) => entry(at === 0 ? 'Evidence' : '', `${word}: ${meaning}`),
    ),
    ...entry('Calls', callsInWords(attempts)),
    ...entry('Took', `${seconds(finish.elapsedMs)} from submission to the last outcome`),
    ...entry('Checked', truth, check.wrong === 0 ? 'green' : 'red'),
    ...entry('Written', finish.files.join(', ')),
    ...finish.files
      .filter((file) => file.endsWith(finish.evidence))
      .flatMap((file) => entry('Proof', `verified; again, offline: npm run verify -- ${file}`, 'green')),
    ...finish.items.flatMap((item) =>
      nextSteps(request, item, columns).map((text, at) => (text === '' ? '' : next(at - 1, text))),
    ),
  ];
}

const STATUS_WORDS: ReadonlyMap<string, string> = new Map([
  ['completed', ': every ID is erased or was not there'],
  ['attention', ': nothing is pending, and a person must look at what was not erased'],
]);

const EVIDENCE_WORDS = [
  ['provider', 'named in the answer of the provider'],
  ['reconciled', 'the provider names only what it did not delete, and its count agrees exactly'],
  ['repeat', 'its first call broke off; asked again, the provider says that it is gone'],
] as const;

function tally(counts: Counts, screen: Pick<Screen, 'paint'>): string {
  const parts = OUTCOMES_SHOWN.filter((outcome) => counts[outcome] > 0).map((outcome) => {
    const { symbol, words, colour } = LOOKS[outcome];
    return screen.paint(`${symbol} ${counts[outcome]} ${words}`, colour);
  });
  return [screen.paint(`${counts.total} items`, 'bold'), ...parts].join('   ');
}

function daysLeft({ request, nowMs }: Finish): string {
  const days = Math.floor((Date.parse(request.dueAt) - nowMs) / DAY_MS);
  return days < 0 ? 'overdue' : `${days} days left`;
}

/** `23 to the providers: 21 answered, 2 unclear`. */
function callsInWords(attempts: readonly ResultAttempt[]): string {
  const byVerdict = new Map<string, number>();
  for (const { verdict } of attempts) byVerdict.set(verdict, (byVerdict.get(verdict) ?? 0) + 1);
  const parts = [...byVerdict].map(([verdict, count]) => `${count} ${verdict}`);
  return `${attempts.length} to the providers: ${parts.join(', ')}`;
}

/** None for an item that is done. What is to be typed stands on a line of its own and is never cut. */
function nextSteps(request: ResultRequest, item: ResultItem, columns: number): string[] {
  if (item.outcome !== 'failed' && item.outcome !== 'unconfirmed') return [];
  const name = `${visible(item.externalId ?? 'a selector')} at ${item.system}`;
  const what =
    item.outcome === 'failed'
      ? `${name} was refused (${item.reason ?? ''}). When the provider allows it, send it again:`
      : `${name} never got a clear answer. When the provider is well again, send it again:`;
  const path = `/v1/erasure-requests/${request.id}`;
  return [
    '',
    ...wrap(what, columns),
    `  POST ${path}/retry`,
    'or close it by hand, with a reason:',
    `  POST ${path}/items/${item.id}/resolve`,
  ];
}
