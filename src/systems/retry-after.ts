/**
 * The Retry-After header, read as RFC 9110 writes it and not as JavaScript guesses it: `Date.parse("120")` is a year
 * and `parseFloat("3, 5")` a number.
 */

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

const IMF_FIXDATE = /^([A-Z][a-z]{2}), (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}:\d{2}:\d{2}) GMT$/;
const RFC_850 = /^([A-Z][a-z]+day), (\d{2})-([A-Z][a-z]{2})-(\d{2}) (\d{2}:\d{2}:\d{2}) GMT$/;
const ASCTIME = /^([A-Z][a-z]{2}) ([A-Z][a-z]{2}) ([ \d]\d) (\d{2}:\d{2}:\d{2}) (\d{4})$/;

/**
 * How long to wait, in milliseconds from `receivedAt` (epoch milliseconds), by all Retry-After headers of one reply.
 * Null where there is none, where two differ, where the date has passed, and for anything that is neither digits nor
 * one of the three dates of RFC 9110, section 5.6.7. Not clamped.
 */
export function parseRetryAfter(values: readonly string[], receivedAt: number): number | null {
  const [value, ...others] = new Set(values.map((each) => each.trim()));
  if (value === undefined || others.length > 0) return null;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = parseHttpDate(value, receivedAt);
  return date === null || date < receivedAt ? null : date - receivedAt;
}

function parseHttpDate(value: string, receivedAt: number): number | null {
  const [, fixDay, fixDate, fixMonth, fixYear, fixTime] = IMF_FIXDATE.exec(value) ?? [];
  if (fixDay !== undefined) return dateOf(fixDay, fixDate, fixMonth, fixYear, fixTime);
  const [, cDay, cMonth, cDate, cTime, cYear] = ASCTIME.exec(value) ?? [];
  if (cDay !== undefined) return dateOf(cDay, cDate?.replace(' ', '0'), cMonth, cYear, cTime);
  const [, longDay, date, month, shortYear, time] = RFC_850.exec(value) ?? [];
  if (longDay === undefined || !DAYS.includes(longDay)) return null;
  // RFC 9110, section 5.6.7: a two-digit year that seems more than 50 years ahead is the last such year of the past.
  const thisYear = new Date(receivedAt).getUTCFullYear();
  const sameCentury = thisYear - (thisYear % 100) + Number(shortYear);
  const year = sameCentury > thisYear + 50 ? sameCentury - 100 : sameCentury;
  return dateOf(longDay.slice(0, 3), date, month, String(year), time);
}

function dateOf(
  day: string,
  date: string | undefined,
  month: string | undefined,
  year: string | undefined,
  time: string | undefined,
): number | null {
  const [hours, minutes, seconds] = (time ?? '').split(':').map(Number);
  const at = Date.UTC(Number(year), MONTHS.indexOf(month ?? ''), Number(date), hours, minutes, seconds);
  // Written back it must be the same words: that catches 31 February, hour 25 and a weekday that does not fit.
  const isReal = !Number.isNaN(at) && new Date(at).toUTCString() === `${day}, ${date} ${month} ${year} ${time} GMT`;
  return isReal ? at : null;
}
