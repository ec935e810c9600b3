/** Times as callers write them: RFC 3339, 5.6, with an offset. */

const FORM = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?:[Zz]|[+-](\d\d):(\d\d))$/;
const YEAR_MIN = 1970;
const YEAR_MAX = 9999;

/**
 * Reads a time, or gives null: for another form, a day or an hour that no calendar has (30 February, 24:00, leap
 * seconds), a missing offset, or a year outside 1970 to 9999 in UTC. Parts of a millisecond are cut off.
 */
export function readTimestamp(text: string): Date | null {
  const parts = FORM.exec(text);
  if (!parts) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, offsetHour = 0, offsetMinute = 0] = parts
    .slice(1)
    .map((part: string | undefined) => (part === undefined ? 0 : Number(part)));
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return null;
  if (hour > 23 || minute > 59 || second > 59 || offsetHour > 23 || offsetMinute > 59) return null;
  const time = new Date(text.toUpperCase());
  const utcYear = time.getUTCFullYear();
  return utcYear >= YEAR_MIN && utcYear <= YEAR_MAX ? time : null;
}

function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
}
