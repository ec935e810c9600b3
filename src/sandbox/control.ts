import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SandboxData } from './data.js';
import { readFaultSettings, type SandboxFaults } from './fault-plan.js';
import { isRecord, parseJson, SandboxInputError } from './json.js';
import type { SandboxLedger } from './ledger.js';
import { isSandboxSystem, SANDBOX_SYSTEMS } from './routes.js';
import { readSeed } from './seed.js';

/** A Velt and a Supermemory on loopback. */
export interface Sandbox {
  /** Origin of both providers, without a slash at its end. */
  readonly url: string;
  /** Origin of the control plane that stays up while the providers are down. */
  readonly controlUrl: string;
  readonly ledger: SandboxLedger;
  readonly data: SandboxData;
  readonly faults: SandboxFaults;
  /** Back to the start: the first seed, the first faults, an empty ledger. */
  reset(): void;
  /** Refuses connections and cuts the open ones, until `up`. */
  down(): Promise<void>;
  /** Listens again, on the same port. */
  up(): Promise<void>;
  /** Cuts all connections and frees the ports. */
  close(): Promise<void>;
}

/** Path under which a sandbox is watched and steered. */
export const CONTROL_PREFIX = '/_sandbox/';
const LEDGER_PAGE = 10_000;

/**
 * Answers a call of the control plane (docs/sandbox.md). `isOwnListener` is false on the providers' origin, where the
 * listener cannot be taken down by a call that is to be answered through it.
 */
export async function control(
  sandbox: Sandbox,
  request: IncomingMessage,
  text: string,
  response: ServerResponse,
  isOwnListener: boolean,
): Promise<void> {
  const url = new URL(request.url ?? '/', sandbox.url);
  try {
    const found = await route(sandbox, `${request.method} ${url.pathname}`, url.searchParams, text, isOwnListener);
    sendJson(response, found === undefined ? 404 : 200, found ?? { error: 'There is no such control.' });
  } catch (error) {
    if (!(error instanceof SandboxInputError)) throw error;
    sendJson(response, 400, { error: error.message });
  }
}

async function route(
  sandbox: Sandbox,
  name: string,
  query: URLSearchParams,
  text: string,
  isOwnListener: boolean,
): Promise<object | undefined> {
  switch (name) {
    case 'GET /_sandbox/ledger':
      return ledgerPage(sandbox, query);
    case 'GET /_sandbox/state':
      return state(sandbox);
    case 'POST /_sandbox/seed':
      sandbox.data.seed(readSeed(readBody(text)));
      return { seeded: true };
    case 'POST /_sandbox/faults':
      return setFaults(sandbox, readBody(text), isOwnListener);
    case 'POST /_sandbox/reset':
      sandbox.reset();
      return { reset: true };
    default:
      return undefined;
  }
}

function ledgerPage({ ledger }: Sandbox, query: URLSearchParams): object {
  const after = Number(query.get('after') ?? 0);
  const limit = Number(query.get('limit') ?? LEDGER_PAGE);
  const system = query.get('system');
  if (system !== null && !isSandboxSystem(system)) throw new SandboxInputError('system names no system');
  if (!Number.isSafeInteger(after) || !Number.isSafeInteger(limit) || limit < 1) {
    throw new SandboxInputError('after and limit must be whole numbers');
  }
  const rest = ledger.calls(system ?? undefined).filter(({ seq }) => seq > after);
  const calls = rest.slice(0, limit);
  return { calls, next: rest.length > limit ? (calls.at(-1)?.seq ?? null) : null };
}

function state({ url, ledger, data, faults }: Sandbox): object {
  return {
    url,
    calls: Object.fromEntries(SANDBOX_SYSTEMS.map((system) => [system, ledger.calls(system).length])),
    inFlight: { velt: ledger.inFlight('velt'), supermemory: ledger.inFlight('supermemory') },
    maxInFlight: { velt: ledger.maxInFlight('velt'), supermemory: ledger.maxInFlight('supermemory') },
    leaks: ledger.leaks().length,
    widened: ledger.calls().filter(({ widened }) => widened).length,
    faults: faults.list(),
    data: data.list(),
  };
}

async function setFaults(sandbox: Sandbox, body: unknown, isOwnListener: boolean): Promise<object> {
  if (!isRecord(body)) throw new SandboxInputError('faults must be an object');
  const { clear, down, ...settings } = body;
  const read = readFaultSettings(settings);
  if (down !== undefined && !isOwnListener) throw new SandboxInputError('down is set through controlUrl only');
  if (clear === true) sandbox.faults.clear();
  sandbox.faults.add(read);
  if (down === true) await sandbox.down();
  if (down === false) await sandbox.up();
  return sandbox.faults.list();
}

function readBody(text: string): unknown {
  const body = parseJson(text);
  if (body === undefined) throw new SandboxInputError('the body must be JSON');
  return body;
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(body));
}
