/** The tables of an audit report: their columns, and their rows as they are read. */
import type { ReportAttempt, ReportHead, ReportItem, ReportLists } from '../core/report.js';
import { spelled } from '../core/visible.js';
import { COLOURS } from './page.js';
import type { Cell, Column } from './table.js';

export interface Row {
  /** A line over the row when it opens a group, else null. */
  readonly group: string | null;
  readonly cells: readonly Cell[];
}

export interface Rows {
  readonly columns: readonly Column[];
  readonly rows: Iterable<Row> | AsyncIterable<Row>;
}

/** `already_absent` as words. */
export function outcomeWords(word: string): string {
  return word.replaceAll('_', ' ');
}

/** A value with the blanks at its ends spelled out: on paper they would not be seen. */
export function exact(value: string): string {
  return value.replace(/^\s+|\s+$/gu, spelled);
}

const number = (title: string): Column => ({ title, share: 9, align: 'right' });

export function systemRows(head: ReportHead): Rows {
  const columns = [
    { title: 'System', share: 27 },
    ...[
      'Items',
      'Erased',
      'Already absent',
      'Nothing matched',
      'Uncon- firmed',
      'Failed',
      'Can- celled',
      'Pending',
    ].map(number),
    number('By hand'),
    number('Calls'),
  ];
  const rows = head.systems.map(({ title, system, items, kinds, outcomes, resolvedByHand, calls }) => {
    const { erased, already_absent, nothing_matched, unconfirmed, failed, cancelled, pending } = outcomes;
    const plain = [items, erased, already_absent, nothing_matched];
    const alarming = [unconfirmed, failed, cancelled, pending];
    const below = `${kinds.id} IDs, ${kinds.selector} selectors, ${kinds.discovered} discovered`;
    return {
      group: null,
      cells: [
        { text: title, isBold: true, below: `${system}: ${below}` },
        ...plain.map((count) => ({ text: String(count) })),
        ...alarming.map((count) => ({
          text: String(count),
          isBold: count > 0,
          colour: count > 0 ? COLOURS.alarm : COLOURS.dim,
        })),
        { text: String(resolvedByHand) },
        { text: String(calls) },
      ],
    };
  });
  return { columns, rows };
}

export function warningRows(head: ReportHead): Rows {
  const columns = [
    { title: 'Warning', share: 22 },
    { title: 'System', share: 20 },
    { title: 'Since (UTC)', share: 14 },
    { title: 'What it means', share: 50 },
  ];
  const rows = head.warnings.map(({ code, system, at, meaning }) => ({
    group: null,
    cells: [{ text: outcomeWords(code), isBold: true }, { text: system }, time(at), { text: meaning }],
  }));
  return { columns, rows };
}

export function exceptionRows(lists: ReportLists): Rows {
  const columns = [
    { title: 'ID', share: 28 },
    { title: 'Outcome', share: 14 },
    { title: 'Closed as', share: 14 },
    { title: 'Reason', share: 34, linesMax: 12 },
    { title: 'By', share: 18 },
    { title: 'At (UTC)', share: 14 },
  ];
  const rows = each(lists.items('resolved'), (item) => ({
    group: null,
    cells: [
      identifier(item),
      outcome(item),
      { text: outcomeWords(item.resolution ?? '') },
      { text: item.resolutionReason ?? 'destroyed' },
      { text: item.resolvedBy ?? '' },
      time(item.resolvedAt),
    ],
  }));
  return { columns, rows };
}

/** What is not proven gone comes first: nobody should have to look for it. */
export function itemRows(head: ReportHead, lists: ReportLists): Rows {
  const columns = [
    { title: 'Outcome', share: 16 },
    { title: 'ID', share: 42 },
    { title: 'Kind', share: 13 },
    { title: 'Evidence', share: 14 },
    { title: 'Calls', share: 7, align: 'right' },
    { title: 'Last call (UTC)', share: 15 },
    { title: 'Settled (UTC)', share: 15 },
  ] as const;
  return { columns, rows: grouped(head, lists) };
}

async function* grouped({ systems }: ReportHead, lists: ReportLists): AsyncGenerator<Row> {
  for (const which of ['open', 'proven'] as const) {
    for (const { system, title } of systems) {
      let group: string | null = `${title}: ${which === 'open' ? 'not proven gone' : 'proven gone'}`;
      for await (const page of lists.items(which, system)) {
        for (const item of page) {
          yield { group, cells: itemCells(item) };
          group = null;
        }
      }
    }
  }
}

function itemCells(item: ReportItem): Cell[] {
  const found = item.matched === null ? {} : { below: `${item.matched} found` };
  return [
    outcome(item),
    identifier(item),
    { text: item.kind },
    { text: item.evidence ?? item.reason ?? '', ...found },
    { text: String(item.attempts) },
    time(item.lastAttemptAt),
    time(item.settledAt),
  ];
}

export function attemptRows(lists: ReportLists): Rows {
  const columns = [
    { title: 'Started (UTC)', share: 15 },
    { title: 'System', share: 22 },
    { title: 'Verdict', share: 13 },
    { title: 'HTTP', share: 8, align: 'right' },
    { title: 'IDs in it', share: 9, align: 'right' },
    { title: 'Items of this request', share: 12, align: 'right' },
    { title: 'SHA-256 of the answer', share: 40 },
  ] as const;
  return { columns, rows: each(lists.attempts(), (attempt) => ({ group: null, cells: attemptCells(attempt) })) };
}

function attemptCells(attempt: ReportAttempt): Cell[] {
  const seconds =
    attempt.endedAt === null
      ? {}
      : { below: `${((Date.parse(attempt.endedAt) - Date.parse(attempt.startedAt)) / 1000).toFixed(2)} s` };
  return [
    time(attempt.startedAt),
    { text: attempt.system },
    {
      text: attempt.verdict ?? 'under way',
      ...seconds,
      ...(attempt.verdict === 'answered' ? {} : { colour: COLOURS.alarm }),
    },
    { text: attempt.httpStatus === null ? '' : String(attempt.httpStatus) },
    { text: String(attempt.ids) },
    { text: String(attempt.items) },
    { text: attempt.responseSha256 ?? '', ...(attempt.late ? { below: 'late: changed nothing' } : {}) },
  ];
}

async function* each<T>(pages: AsyncIterable<readonly T[]>, rowOf: (value: T) => Row): AsyncGenerator<Row> {
  for await (const page of pages) for (const value of page) yield rowOf(value);
}

/** The day, and under it the time of day. */
function time(at: string | null): Cell {
  return at === null ? { text: '' } : { text: at.slice(0, 10), below: at.slice(11, 19) };
}

function outcome(item: ReportItem): Cell {
  const isProven = ['erased', 'already_absent', 'nothing_matched'].includes(item.outcome);
  const beside = item.resolution === null ? {} : { below: `closed: ${outcomeWords(item.resolution)}` };
  return {
    text: outcomeWords(item.outcome),
    isBold: true,
    colour: isProven ? COLOURS.ink : COLOURS.alarm,
    ...beside,
  };
}

function identifier(item: ReportItem): Cell {
  if (item.scope === null) return { text: `item ${item.id}`, below: 'identifier destroyed' };
  const scope = Object.entries(item.scope).map(
    ([field, value]) => `${field}: ${typeof value === 'string' ? exact(value) : value.map(exact).join(', ')}`,
  );
  return {
    text: item.externalId === null ? 'all that match' : exact(item.externalId),
    ...(scope.length === 0 ? {} : { below: scope.join(' · ') }),
  };
}
