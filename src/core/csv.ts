/** Cells of CSV by RFC 4180 that no spreadsheet runs. */

/**
 * A spreadsheet takes a cell that begins so for a formula. `'` is among them so that one `'` at the front of a cell is
 * always ours, and can be taken away again.
 */
const FORMULA = /^[=+\-@\t\r\n'＝＋－＠]/u;

/** One value as a cell: quoted where RFC 4180 asks for it, with a `'` before text that looks like a formula. */
export function csvCell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const safe = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
