import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Admission } from './admission.js';
import { CONTROL_PREFIX, control, type Sandbox } from './control.js';
import { SandboxData } from './data.js';
import { SandboxFaults, type FaultSettings } from './fault-plan.js';
import { SandboxInputError } from './json.js';
import { SandboxLedger } from './ledger.js';
import { type ProviderWorks, serveCall } from './provider.js';
import { systemOf } from './routes.js';
import type { SandboxSeed } from './seed.js';
import {
  type ProviderLimits,
  SANDBOX_KEYS,
  type SandboxKeys,
  type VeltAuthWording,
  type VeltDialect,
} from './settings.js';

export type { Sandbox } from './control.js';
export { SANDBOX_KEYS } from './settings.js';

/** All have defaults; docs/sandbox.md describes them. */
export interface SandboxOptions {
  /** 0, the default, picks a free one. */
  readonly port?: number | undefined;
  /** How long every answer of a provider waits; the deletion is done before. */
  readonly latencyMs?: number | undefined;
  readonly seed?: SandboxSeed | undefined;
  readonly faults?: FaultSettings | undefined;
  /** Seed of the faults' randomness. */
  readonly randomSeed?: number | undefined;
  readonly dialect?: VeltDialect | undefined;
  readonly organizationDialects?: Readonly<Record<string, VeltDialect>> | undefined;
  readonly detailsStatus?: number | undefined;
  readonly authWording?: VeltAuthWording | undefined;
  readonly keys?: SandboxKeys | undefined;
  readonly emptyEnvironmentKeys?: readonly string[] | undefined;
  readonly veltIdsMax?: number | undefined;
  readonly limits?: { readonly velt?: ProviderLimits; readonly supermemory?: ProviderLimits } | undefined;
  /** Whether the ledger keeps the parsed bodies; true. */
  readonly keepsBodies?: boolean | undefined;
}

/** Longer than any client keeps a connection, so that none is closed under a call. */
const KEEP_ALIVE_MS = 120_000;

/** Starts a sandbox on 127.0.0.1. Rejects where the port is taken, or a fault does not exist. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const ledger = new SandboxLedger();
  const data = new SandboxData();
  const faults = new SandboxFaults(options.randomSeed ?? 1);
  const works = worksOf(options, data, faults);
  const reset = (): void => {
    data.clear();
    data.seed(options.seed ?? {});
    faults.clear();
    faults.add(options.faults ?? {});
    ledger.clear();
    works.admission.clear();
  };
  reset();

  const providers = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    if (request.url?.startsWith(CONTROL_PREFIX)) steer(request, response, false);
    else receive(works, ledger, request, response);
  });
  const controls = createServer((request, response) => steer(request, response, true));
  const steer = (request: IncomingMessage, response: ServerResponse, isOwnListener: boolean): void => {
    readBody(request, (text) => void control(sandbox, request, text, response, isOwnListener));
  };
  const port = await listen(providers, options.port ?? 0);
  const controlPort = await listen(controls, 0);
  const sandbox: Sandbox = {
    url: `http://127.0.0.1:${port}`,
    controlUrl: `http://127.0.0.1:${controlPort}`,
    ledger,
    data,
    faults,
    reset,
    down: () => stop(providers),
    up: async () => {
      if (!providers.listening) await listen(providers, port);
    },
    close: async () => {
      await Promise.all([stop(providers), stop(controls)]);
    },
  };
  return sandbox;
}

function worksOf(options: SandboxOptions, data: SandboxData, faults: SandboxFaults): ProviderWorks {
  return {
    data,
    faults,
    admission: new Admission(options.limits ?? {}),
    latencyMs: options.latencyMs ?? 0,
    keepsBodies: options.keepsBodies ?? true,
    settings: {
      dialect: options.dialect ?? 'seed',
      organizationDialects: new Map(Object.entries(options.organizationDialects ?? {})),
      detailsStatus: options.detailsStatus ?? 500,
      authWording: options.authWording ?? 'documented',
      keys: options.keys ?? SANDBOX_KEYS,
      emptyEnvironmentKeys: new Set(options.emptyEnvironmentKeys),
      veltIdsMax: options.veltIdsMax ?? Number.POSITIVE_INFINITY,
    },
  };
}

function receive(
  works: ProviderWorks,
  ledger: SandboxLedger,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const method = request.method ?? '';
  const [path = ''] = (request.url ?? '').split('?');
  const record = ledger.open(Date.now(), systemOf(method, path), method, path);
  response.once('close', () => ledger.close(record, Date.now(), response.writableFinished));
  readBody(request, (text) => {
    try {
      serveCall(works, record, request.headers, text, response);
    } catch (error) {
      if (!(error instanceof SandboxInputError)) throw error;
      record.faults.push('unknown');
      record.status = 500;
      response.writeHead(500, { 'content-type': 'text/plain' }).end(`sandbox: ${error.message}`);
    }
  });
}

/** A request that breaks off before its end is never served. */
function readBody(request: IncomingMessage, serve: (text: string) => void): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.once('end', () => serve(Buffer.concat(chunks).toString('utf8')));
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    if (!server.listening) return resolve();
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
