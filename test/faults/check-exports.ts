/** The part of I8 on period exports: a whole one is of one snapshot and proves that it is whole, a cut one shows. */
import { createHash } from 'node:crypto';
import type { Evidence, ItemRow, PeriodExport } from './evidence.js';

interface Line {
  readonly requestId: string;
  readonly system: string;
  readonly externalId: string;
  readonly outcome: string;
}

export function checkExports(evidence: Evidence): string[] {
  return evidence.ledger.exports.flatMap((one, no) => {
    const name = `export ${no + 1} (${one.format})`;
    const lines = wholeLines(one);
    if (one.cut) return lines === null ? [] : [`${name} was cut, and passes for whole`];
    return lines === null
      ? [`${name} does not end as a whole one`]
      : oneSnapshot(lines, evidence).map((what) => `${name} ${what}`);
  });
}

/** The items of an export whose last line counts and hashes what stands before it; null where it does not. */
function wholeLines({ format, text }: PeriodExport): Line[] | null {
  const newline = format === 'csv' ? '\r\n' : '\n';
  const [end, last = '', ...before] = text.split(newline).toReversed();
  const body = before
    .toReversed()
    .map((line) => `${line}${newline}`)
    .join('');
  const sha256 = createHash('sha256').update(body).digest('hex');
  const rows = before.toReversed();
  const items = format === 'csv' ? rows.slice(1) : rows;
  const trailer =
    format === 'csv' ? `# rows=${items.length} sha256=${sha256}` : JSON.stringify({ rows: items.length, sha256 });
  return end === '' && last === trailer ? items.map((line) => (format === 'csv' ? ofCsv(line) : ofJson(line))) : null;
}

/** No value of the suite's workload needs quotes. */
function ofCsv(line: string): Line {
  const [requestId = '', , , system = '', , , , externalId = '', outcome = ''] = line.split(',');
  return { requestId, system, externalId, outcome };
}

function ofJson(line: string): Line {
  const row = JSON.parse(line) as { request_id: string; system: string; external_id: string; outcome: string };
  return { requestId: row.request_id, system: row.system, externalId: row.external_id, outcome: row.outcome };
}

/** Each request stands in it with all of its items or not at all, and of each transaction all outcomes or none. */
function oneSnapshot(rows: readonly Line[], { items, history }: Evidence): string[] {
  const lines: string[] = [];
  const key = ({ requestId, system, externalId }: Line | ItemRow): string => `${requestId} ${system} ${externalId}`;
  const known = new Map(items.map((item) => [key(item), item]));
  const seen = new Map<string, string>();
  for (const row of rows) {
    const item = known.get(key(row));
    if (item === undefined) lines.push(`has ${key(row)}, which nobody asked for`);
    else if (seen.has(item.id)) lines.push(`has ${key(row)} twice`);
    else seen.set(item.id, row.outcome);
  }
  for (const requestId of new Set(items.map((item) => item.requestId))) {
    const own = items.filter((item) => item.requestId === requestId);
    const there = own.filter(({ id }) => seen.has(id)).length;
    if (there !== 0 && there !== own.length) lines.push(`has ${there} of ${own.length} items of ${requestId}`);
  }
  // An item that changed more than once may show the same word before and after.
  const changes = new Map<string, number>();
  for (const { itemId } of history.outcomes) changes.set(itemId, (changes.get(itemId) ?? 0) + 1);
  const byTransaction = new Map<string, Set<boolean>>();
  for (const { itemId, after, tx } of history.outcomes) {
    const outcome = seen.get(itemId);
    if (outcome === undefined || changes.get(itemId) !== 1) continue;
    byTransaction.set(tx, (byTransaction.get(tx) ?? new Set()).add(outcome === after));
  }
  for (const [tx, shown] of byTransaction) {
    if (shown.size > 1) lines.push(`shows a part of transaction ${tx}`);
  }
  return lines;
}
