/** All that the demo runs, in one process: a sandbox, and the service over an embedded Postgres in a temporary folder. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../config.js';
import { readFaultSettings } from '../sandbox/fault-plan.js';
import { SANDBOX_KEYS, startSandbox } from '../sandbox/sandbox.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import { readSeed } from '../sandbox/seed.js';
import { startService } from '../service.js';
import { PROVIDERS } from '../systems/registry.js';

/** Slow enough to watch, fast enough to wait for. */
const LATENCY_MS = 350;
const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };
/** Beside the cluster, where root's Postgres could not live in the data folder: it names the folder that it lives in. */
const ELSEWHERE = 'postgres.elsewhere';

/** What was started, last first. */
export type Undo = (() => Promise<void> | void)[];

/** A Velt and a Supermemory that hold what the seed says and go wrong as the faults say. */
export async function startProviders(seed: unknown, faults: unknown, undo: Undo): Promise<Sandbox> {
  const sandbox = await startSandbox({
    seed: readSeed(seed),
    faults: readFaultSettings(faults),
    latencyMs: LATENCY_MS,
    // Both ways in which Velt answers for absent documents.
    organizationDialects: { 'acme-labs': 'details' },
  });
  undo.push(async () => sandbox.close());
  return sandbox;
}

export interface Installation {
  readonly url: string;
  readonly apiKey: string;
}

/** The whole service on a free port; nothing of this process's environment counts. */
export async function startInstallation(sandbox: Sandbox, undo: Undo): Promise<Installation> {
  const dataDir = mkdtempSync(join(tmpdir(), 'expunge-demo-'));
  undo.push(() => removeFolder(dataDir));
  const apiKey = `demo-${randomBytes(24).toString('hex')}`;
  const config = readConfig(
    {
      PORT: '0',
      DATA_DIR: dataDir,
      BOOTSTRAP_API_KEY: apiKey,
      VELT_API_URL: sandbox.url,
      VELT_API_KEY: SANDBOX_KEYS.velt.apiKey,
      VELT_AUTH_TOKEN: SANDBOX_KEYS.velt.authToken,
      VELT_IDS_PER_CALL: '3',
      VELT_CONCURRENCY: '2',
      SUPERMEMORY_API_URL: sandbox.url,
      SUPERMEMORY_API_KEY: SANDBOX_KEYS.supermemory.apiKey,
      SUPERMEMORY_IDS_PER_CALL: '4',
      SUPERMEMORY_CONCURRENCY: '1',
      RETRY_BASE_MS: '500',
    },
    PROVIDERS,
  );
  const service = await startService(config, SILENT);
  undo.push(async () => service.stop());
  return { url: service.url, apiKey };
}

function removeFolder(dataDir: string): void {
  const marker = join(dataDir, ELSEWHERE);
  const folders = existsSync(marker) ? [readFileSync(marker, 'utf8').trim(), dataDir] : [dataDir];
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
