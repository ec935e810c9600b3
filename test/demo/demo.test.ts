/** The demo as a person starts it: a process of its own, in a folder of its own. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFaultSettings } from '../../src/sandbox/fault-plan.js';
import { readSeed } from '../../src/sandbox/seed.js';
import { readTarget } from '../../src/systems/target.js';
import { pdfText } from '../support/pdf-text.js';
import { verifyBundle } from '../../src/verify.js';

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
const DEMO_WITHIN_MS = 60_000;

function example(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(new URL(`../../examples/${name}`, import.meta.url), 'utf8')) as Record<
    string,
    unknown
  >;
}

interface Results {
  readonly request: { readonly status: string; readonly counts: { readonly total: number } };
  readonly items: readonly {
    readonly externalId: string | null;
    readonly outcome: string;
    readonly evidence: string | null;
    readonly reason: string | null;
  }[];
  readonly attempts: readonly unknown[];
}

function resultsIn(home: string): Results {
  return JSON.parse(readFileSync(join(home, 'out', 'results.json'), 'utf8')) as Results;
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the demo with `home` as its working folder and as the machine's folder for temporary files. */
async function runDemo(home: string, onOutput: (text: string, pid: number) => void = () => undefined): Promise<Ended> {
  const child = spawn(process.execPath, [CLI, 'demo'], {
    cwd: home,
    env: { PATH: process.env['PATH'], TMPDIR: home, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    onOutput(stdout, child.pid ?? 0);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, stdout, stderr };
}

describe('the examples', () => {
  it('are taken by the service and the sandbox', () => {
    const { targets } = example('erasure-request.json');
    const readings = Array.isArray(targets) ? targets.map((target) => readTarget(target)) : [];
    expect(readings.length).toBeGreaterThan(0);
    expect(readings.filter((reading) => !reading.ok)).toEqual([]);
    const systems = new Set(readings.flatMap((reading) => (reading.ok ? [reading.target.system] : [])));
    expect([...systems].toSorted()).toEqual(['supermemory.documents', 'velt.comments', 'velt.documents']);
    expect(readSeed(example('sandbox-seed.json')).veltDocuments).not.toEqual([]);
    expect(readFaultSettings(example('sandbox-faults.json')).ids).not.toEqual({});
  });
});

describe('npm run demo', () => {
  const home = mkdtempSync(join(tmpdir(), 'demo-test-'));
  let ended: Ended;

  beforeAll(async () => {
    ended = await runDemo(home);
  }, DEMO_WITHIN_MS);
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  it('ends well and leaves nothing behind but its results', () => {
    expect(ended.stderr).toBe('');
    expect(ended.code).toBe(0);
    expect(readdirSync(home)).toEqual(['out']);
    expect(readdirSync(join(home, 'out')).toSorted()).toEqual([
      'evidence.json',
      'report.json',
      'report.pdf',
      'results.csv',
      'results.json',
    ]);
  });

  it('settles every ID of the request, each with the outcome that the sandbox is set up for', () => {
    const { request, items, attempts } = resultsIn(home);
    expect(request.status).toBe('attention');
    expect(request.counts).toMatchObject({ pending: 0, failed: 1, unconfirmed: 0, cancelled: 0 });
    expect(items).toHaveLength(request.counts.total);
    const outcome = (externalId: string) =>
      items
        .filter((item) => item.externalId === externalId)
        .map((item) => [item.outcome, item.evidence ?? item.reason]);
    expect(outcome('doc-onboarding')).toEqual([['erased', 'provider']]);
    expect(outcome('doc-legal-hold')).toEqual([['failed', 'denied']]);
    expect(outcome('doc-experiment-8')).toEqual([['already_absent', 'provider']]);
    expect(outcome('ann-301')).toEqual([['erased', 'repeat']]);
    expect(outcome('ann-401')).toEqual([['erased', 'provider']]);
    expect(outcome('mem-profile')).toEqual([['erased', 'reconciled']]);
    expect(outcome('user_42_trial')).toEqual([['nothing_matched', 'provider']]);
    expect(attempts.length).toBeGreaterThan(10);
  });

  it('writes evidence that anybody can verify', () => {
    const text = readFileSync(join(home, 'out', 'evidence.json'), 'utf8');
    expect(verifyBundle(text, null, null).lines.join()).toMatch(/attention/);
    expect(ended.stdout).toMatch(/npm run verify -- out\/evidence\.json/);
  });

  it('prints plain lines where nobody watches', () => {
    expect(ended.stdout).not.toContain('\u001b');
    expect(ended.stdout).toMatch(/✖ failed +doc-legal-hold +id +denied/);
    expect(ended.stdout).toContain('mem-voice-note\\u{7}\\u{1b}[31m');
    expect(ended.stdout).toMatch(/Status +attention/);
  });

  it('writes the audit report, with the same counts and for a person', async () => {
    const { request, items } = resultsIn(home);
    const report = JSON.parse(readFileSync(join(home, 'out', 'report.json'), 'utf8')) as {
      interim: boolean;
      counts: object;
      items: unknown[];
    };
    expect(report).toMatchObject({ interim: false, counts: request.counts });
    expect(report.items).toHaveLength(items.length);
    const { text } = await pdfText(readFileSync(join(home, 'out', 'report.pdf')));
    expect(text).toContain('doc-legal-hold');
    expect(text).toContain('The request is not complete. Waiting for a person: 1.');
  });

  it('writes the CSV with a line for each item', () => {
    const csv = readFileSync(join(home, 'out', 'results.csv'), 'utf8');
    const { items } = resultsIn(home);
    expect(csv.trimEnd().split('\r\n')).toHaveLength(items.length + 1);
    expect(csv).toContain(",'=mem+import+0017,");
  });

  it(
    'takes everything down when it is interrupted',
    async () => {
      let isSent = false;
      const interrupted = await runDemo(home, (text, pid) => {
        if (isSent || !text.includes('settled:')) return;
        isSent = true;
        process.kill(pid, 'SIGINT');
      });
      expect(interrupted).toMatchObject({ code: 130, stderr: 'expunge demo: ended by SIGINT\n' });
      expect(readdirSync(home)).toEqual(['out']);
      expect(existsSync(join(home, 'out'))).toBe(true);
    },
    DEMO_WITHIN_MS,
  );
});
