/** An audit report as one JSON object: its head first, then its lists as they are read, and how it ended. */
import type { IssuedReport } from '../erasure/issue-report.js';

/**
 * The text of the report, page by page. A report that was cut off is no JSON. `end.changedMeanwhile` says that the
 * request changed between the head and the last line; ask again.
 */
export async function* reportJson(report: IssuedReport): AsyncGenerator<string> {
  yield JSON.stringify(report.head).slice(0, -1);
  const lists = {
    exceptions: () => report.items('resolved'),
    items: () => report.items('all'),
    attempts: () => report.attempts(),
  } as const;
  const rows: Record<string, number> = {};
  for (const [name, list] of Object.entries(lists)) {
    let count = 0;
    yield `,${JSON.stringify(name)}:[`;
    for await (const page of list()) {
      const text = page.map((row) => JSON.stringify(row)).join(',');
      yield count > 0 && text !== '' ? `,${text}` : text;
      count += page.length;
    }
    yield ']';
    rows[name] = count;
  }
  yield `,"end":${JSON.stringify({ ...rows, changedMeanwhile: await report.hasChanged() })}}\n`;
}
