/** What a run says on the terminal: one line, and all that did not hold. */
import type { RunReport } from './run.js';

const BREACHES_SHOWN = 12;

export function sayRun(report: RunReport): void {
  const { row, backend, seed, tookMs, requests, items, calls, kills, lostCalls, quietMs, takenUpMs, breaches } = report;
  const quiet = quietMs === null ? 'never quiet' : `quiet after ${seconds(quietMs)}`;
  const taken = takenUpMs.length === 0 ? '' : `, taken up again within ${seconds(Math.max(...takenUpMs))}`;
  const counts = `${requests} requests, ${items} items, ${calls} calls, ${kills} kills, ${lostCalls} calls lost`;
  say(
    `${breaches.length === 0 ? 'held ' : 'BROKE'} row ${row} on ${backend}, seed ${seed}, ${seconds(tookMs)}: ${report.fault}`,
  );
  say(`        ${counts}, ${quiet}${taken}`);
  for (const note of report.notes) say(`        ${note}`);
  for (const breach of breaches.slice(0, BREACHES_SHOWN)) say(`      ! ${breach}`);
  if (breaches.length > BREACHES_SHOWN) say(`      ! and ${breaches.length - BREACHES_SHOWN} more`);
  if (breaches.length > 0) say(`      again: npm run test:faults -- --row ${row} --backend ${backend} --seed ${seed}`);
}

/** The figures of all runs together. Gives true when everything held. */
export function saySummary(reports: readonly RunReport[]): boolean {
  const sum = (of: (report: RunReport) => number): number => reports.reduce((total, report) => total + of(report), 0);
  const broken = reports.filter(({ breaches }) => breaches.length > 0);
  const quiet = reports.flatMap(({ quietMs }) => quietMs ?? []);
  const kills = sum((report) => report.kills);
  const lost = sum(({ lostCalls }) => lostCalls);
  say(
    `faults: ${reports.length} runs, ${broken.length} broke; ${sum(({ items }) => items)} items, ${kills} kills, ${lost} calls lost and made again`,
  );
  sayTimes(
    'taken up again after a kill',
    reports.flatMap(({ takenUpMs }) => takenUpMs),
  );
  sayTimes(
    'the same, more kills in between',
    reports.flatMap(({ disturbedAgainMs }) => disturbedAgainMs),
  );
  if (quiet.length > 0) say(`        quiet after the last fault: at most ${seconds(Math.max(...quiet))}`);
  return broken.length === 0;
}

function sayTimes(what: string, times: readonly number[]): void {
  if (times.length === 0) return;
  const sorted = times.toSorted((a, b) => a - b);
  const p99 = sorted[Math.floor(sorted.length * 0.99)] ?? 0;
  say(`        ${what}: ${times.length} items, p99 ${seconds(p99)}, at most ${seconds(sorted.at(-1) ?? 0)}`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
