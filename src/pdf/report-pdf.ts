/** The audit report laid out for a person: A4, the answer first, then every item and every call, then what is not attested. */
import { setImmediate as breathe } from 'node:timers/promises';
import type { ReportHead, ReportLists } from '../core/report.js';
import { COLOURS, Pages } from './page.js';
import { LINE_HEIGHT } from './text.js';
import type { TextStyle } from './text.js';
import { attemptRows, exact, exceptionRows, itemRows, outcomeWords, systemRows, warningRows } from './report-rows.js';
import type { Rows } from './report-rows.js';
import { Table } from './table.js';

/** Rows that are printed of each list; how many more there are is said, and where. */
const ROWS_PRINTED_MAX = 500;
/** Rows between two pauses in which the process does other things. */
const ROWS_AT_ONCE = 20;

const BODY: TextStyle = { size: 9, colour: COLOURS.ink };
const DIM: TextStyle = { size: 8, colour: COLOURS.dim };

/** The report as a PDF. Long lists are cut at ROWS_PRINTED_MAX rows, what is not proven gone first, and say so. */
export async function printReport(head: ReportHead, lists: ReportLists): Promise<Buffer> {
  const { id, subject } = head.request;
  const pages = new Pages({
    title: `Erasure report ${id}`,
    subject: 'Audit report of an erasure request by GDPR article 17',
    issuedAt: new Date(head.issuedAt),
    heading: `Erasure report ${id}`,
    mark: head.interim ? 'INTERIM: NOT SETTLED' : null,
    footing: `Expunge, issued ${moment(head.issuedAt)}${subject === null ? '' : '; contains personal data'}`,
  });
  title(pages, head);
  panel(pages, head);
  conclusion(pages, head);
  pages.section('By system');
  await print(pages, systemRows(head), head.systems.length);
  if (head.warnings.length > 0) {
    pages.section('Warnings');
    await print(pages, warningRows(head), head.warnings.length);
  }
  if (head.blockedBy.length > 0) {
    pages.section('Held back');
    pages.list(
      head.blockedBy.map(({ system, reason, since }) => `${system}: ${outcomeWords(reason)}, since ${moment(since)}`),
    );
  }
  if (head.counts.resolvedByHand > 0) {
    pages.section('Exceptions: closed by a person');
    await print(pages, exceptionRows(lists), head.counts.resolvedByHand);
  }
  pages.section('Items');
  await print(pages, itemRows(head, lists), head.counts.total);
  const calls = head.systems.reduce((sum, system) => sum + system.calls, 0);
  pages.section('Calls to the providers');
  await print(pages, attemptRows(lists), calls);
  pages.section('What this report attests, and what not');
  pages.list(head.limits);
  pages.section('Due date');
  pages.paragraph(head.deadline.rule, BODY);
  integrity(pages, head);
  return pages.finish();
}

/** A time as a person reads it: `2026-11-02 09:00:00 UTC`. */
function moment(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 19)} UTC`;
}

function title(pages: Pages, { request, interim, counts }: ReportHead): void {
  pages.line('Erasure report', { size: 22, isBold: true, colour: COLOURS.ink });
  pages.line(`Request ${request.id}`, { size: 10, colour: COLOURS.dim });
  pages.y += 8;
  if (!interim) return;
  const style = { size: 9, isBold: true, colour: COLOURS.alarm };
  const height = style.size * LINE_HEIGHT + 12;
  pages.band(pages.left, pages.y, pages.width, height, COLOURS.alarmBand);
  const said = `Interim report: ${counts.pending} of ${counts.total} items are not settled, and what stands here can still change.`;
  pages.text.draw(said, pages.left + 8, pages.y + 6, style);
  pages.y += height + 6;
}

/** Who asked what, and when, in two columns. */
function panel(pages: Pages, { request, deadline, counts, interim }: ReportHead): void {
  const days = (count: number): string => `${count} ${Math.abs(count) === 1 ? 'day' : 'days'}`;
  const left = deadline.daysLeft ?? 0;
  const waiting = counts.failed + counts.unconfirmed - counts.resolvedByHand;
  const settled = deadline.inTime === false ? 'late' : waiting > 0 ? 'in time, but not complete' : 'in time';
  const due = deadline.overdue ? 'overdue' : interim ? `${days(left)} left` : settled;
  const entries: readonly (readonly [label: string, text: string])[] = [
    ['Subject', request.subject === null ? 'destroyed: personal values were shredded' : exact(request.subject.ref)],
    ['Status', outcomeWords(request.status)],
    ['Submitted through', request.source],
    ['Submitted by', request.actor],
    ['Received', moment(request.receivedAt)],
    ['Due', `${moment(deadline.dueAt)} (${due})`],
    ['Recorded', moment(request.createdAt)],
    ['Settled', request.settledAt === null ? 'not yet' : moment(request.settledAt)],
    ['Items', `${counts.total}, of which ${counts.pending} pending`],
    ['Days used', `${days(deadline.daysUsed)}, the day of receipt not counted`],
    ...(request.shreddedAt === null ? [] : [['Shredded', moment(request.shreddedAt)] as const]),
  ];
  const half = pages.width / 2;
  const labelWidth = 84;
  const style = { size: 9, colour: COLOURS.ink };
  const blocks = entries.map(([label, text]) => ({
    label,
    lines: pages.text.lines(text, half - labelWidth - 16, style, 4),
  }));
  const rows: { height: number; blocks: typeof blocks }[] = [];
  for (let at = 0; at < blocks.length; at += 2) {
    const pair = blocks.slice(at, at + 2);
    rows.push({ height: Math.max(...pair.map(({ lines }) => lines.length)) * 9 * LINE_HEIGHT + 4, blocks: pair });
  }
  const height = rows.reduce((sum, row) => sum + row.height, 0) + 14;
  pages.band(pages.left, pages.y, pages.width, height, COLOURS.band);
  let y = pages.y + 8;
  for (const row of rows) {
    for (const [column, { label, lines }] of row.blocks.entries()) {
      const x = pages.left + 8 + column * half;
      pages.text.draw(label, x, y + 0.7, DIM);
      for (const [at, line] of lines.entries()) {
        pages.text.draw(line, x + labelWidth, y + at * 9 * LINE_HEIGHT, style);
      }
    }
    y += row.height;
  }
  pages.y += height + 8;
}

function conclusion(pages: Pages, head: ReportHead): void {
  for (const [at, sentence] of head.conclusion.entries()) {
    pages.paragraph(sentence, { size: 10, isBold: at === 0, colour: COLOURS.ink });
  }
}

/** As many rows as are printed, and a line for those that are not. */
async function print(pages: Pages, { columns, rows }: Rows, total: number): Promise<void> {
  if (total === 0) {
    pages.paragraph('None.', BODY);
    return;
  }
  const table = new Table(pages, columns);
  let printed = 0;
  for await (const { group, cells } of rows) {
    if (printed >= ROWS_PRINTED_MAX) break;
    table.row(group, cells);
    printed += 1;
    if (printed % ROWS_AT_ONCE === 0) await breathe();
  }
  pages.y += 4;
  if (printed < total) {
    pages.paragraph(
      `${printed} of ${total} are printed, and ${total - printed} are not: the CSV and JSON reports of this request hold all of them.`,
      { size: 9, isBold: true, colour: COLOURS.alarm },
    );
  }
}

function integrity(pages: Pages, { integrity: proof, request }: ReportHead): void {
  pages.section('Integrity');
  if (proof.checkpoint !== null) {
    pages.paragraph(`Tree size: ${proof.treeSize}`, BODY);
    pages.paragraph(`Root: ${proof.root}`, BODY);
    pages.paragraph(`Signed by the key: ${proof.keyId}`, BODY);
  }
  pages.paragraph(proof.verify.replace('{id}', request.id), BODY);
}
