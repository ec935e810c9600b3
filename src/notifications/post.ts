/**
 * One attempt over the wire: the host is looked up once, every address found must be one that may be reached, and the
 * connection is made to those addresses and no other. No redirect is followed, no proxy is read from the environment,
 * and no connection outlives its attempt.
 */
import { promises as dns } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { BlockList } from 'node:net';
import { buildConnector, Client } from 'undici';
import type { DeliveryFailure } from '../store/notification-deliveries.js';
import { parseRetryAfter } from '../systems/retry-after.js';
import { hostOf } from './endpoint-url.js';
import { familyOf, mayReach } from './public-address.js';

const BODY_BYTES_MAX = 64 * 1024;
const HEADER_BYTES_MAX = 16 * 1024;
/** One address that does not answer must not use up the time of the next. */
const NEXT_ADDRESS_MS = 500;

/** Gives every address of a host name. Rejects when there is none. */
export type Resolve = (host: string) => Promise<readonly string[]>;

export interface PostRules {
  /** Whether private and loopback addresses may be reached. */
  readonly allowPrivate: boolean;
  readonly resolve: Resolve;
  /** The time for everything: name, connection, request and answer. */
  readonly totalMs: number;
  /** The time for the name, and again for the connection. */
  readonly connectMs: number;
  /** Certificate authorities (PEM) to trust instead of the well-known ones. */
  readonly ca?: string;
}

export interface Message {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The time of sending, epoch milliseconds: against it a Retry-After that is a date is read. */
  readonly nowMs: number;
}

export type Posted =
  | { readonly kind: 'answer'; readonly status: number; readonly retryAfterMs: number | null }
  | { readonly kind: 'none'; readonly failure: Exclude<DeliveryFailure, 'status' | 'disabled'> };

/** The host, or the machine that answered for it, may not be reached. */
class BlockedError extends Error {}

/**
 * Asks DNS for all IPv4 and IPv6 addresses. Never the hosts file, and without the thread pool that everything else of
 * this process shares: a name server that hangs holds up nobody else.
 */
export async function resolveByDns(host: string): Promise<readonly string[]> {
  if (host === 'localhost') return ['127.0.0.1', '::1'];
  const resolver = new dns.Resolver({ timeout: 1000, tries: 2 });
  const found = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
  return found.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
}

/** Posts a message, at most once. Never throws; what went wrong is a word. */
export async function post(message: Message, rules: PostRules): Promise<Posted> {
  const signal = AbortSignal.timeout(rules.totalMs);
  const addresses = await addressesOf(message.url, rules);
  if (addresses === null || addresses.length === 0) return { kind: 'none', failure: 'name' };
  if (!addresses.every((address) => mayReach(address, rules.allowPrivate))) return { kind: 'none', failure: 'blocked' };
  const client = new Client(message.url.origin, {
    connect: connectorTo(addresses, rules),
    pipelining: 1,
    maxHeaderSize: HEADER_BYTES_MAX,
    // One deadline stands over everything instead.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  try {
    return await exchange(client, message, signal);
  } catch (error) {
    return { kind: 'none', failure: signal.aborted ? 'timeout' : failureOf(error) };
  } finally {
    client.destroy().catch(() => undefined);
  }
}

/** Every address of the host; null when it has none, or none in time. */
async function addressesOf(url: URL, rules: PostRules): Promise<readonly string[] | null> {
  const host = hostOf(url);
  if (familyOf(host) !== null) return [host];
  let late: NodeJS.Timeout | undefined;
  const tooLate = new Promise<null>((resolve) => (late = setTimeout(() => resolve(null), rules.connectMs)));
  try {
    return await Promise.race([rules.resolve(host).catch(() => null), tooLate]);
  } finally {
    clearTimeout(late);
  }
}

/**
 * Connects to these addresses, whatever the name now stands for. A host that is an address is never looked up, so what
 * answered is asked for its address as well, before a byte is sent.
 */
function connectorTo(addresses: readonly string[], rules: PostRules): buildConnector.connector {
  const vetted = new BlockList();
  for (const address of addresses) vetted.addAddress(address, familyOf(address) ?? 'ipv4');
  const answer = addresses.map((address) => ({ address, family: familyOf(address) === 'ipv6' ? 6 : 4 }));
  const lookup: LookupFunction = (_host, options, callback) => {
    const [first] = answer;
    if (options.all === true || first === undefined) callback(null, answer);
    else callback(null, first.address, first.family);
  };
  const connect = buildConnector({
    lookup,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_MS,
    timeout: rules.connectMs,
    maxCachedSessions: 0,
    rejectUnauthorized: true,
    ...(rules.ca === undefined ? {} : { ca: rules.ca }),
  });
  return (options, callback) => {
    connect(options, (error, socket) => {
      if (error !== null) return callback(error, null);
      const remote = socket.remoteAddress ?? '';
      const family = familyOf(remote);
      if (family !== null && vetted.check(remote, family) && mayReach(remote, rules.allowPrivate)) {
        return callback(null, socket);
      }
      socket.destroy();
      return callback(new BlockedError('the peer is not one of the addresses looked up'), null);
    });
  };
}

async function exchange(client: Client, { url, headers, body, nowMs }: Message, signal: AbortSignal): Promise<Posted> {
  const startedMs = performance.now();
  const response = await client.request({
    method: 'POST',
    path: `${url.pathname}${url.search}`,
    headers: { ...headers, 'content-type': 'application/json', 'user-agent': 'expunge', connection: 'close' },
    body,
    signal,
  });
  const { statusCode: status } = response;
  const value = response.headers['retry-after'];
  const values = typeof value === 'string' ? [value] : (value ?? []);
  const retryAfterMs = parseRetryAfter(values, nowMs + (performance.now() - startedMs));
  await drain(response.body);
  return { kind: 'answer', status, retryAfterMs };
}

/** Reads a little of the body, so that who wrote it is not cut off, and keeps nothing. What is said stands in the status. */
async function drain(body: AsyncIterable<Buffer>): Promise<void> {
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes >= BODY_BYTES_MAX) return;
    }
  } catch {
    // Cut off or too late: the status had come before.
  }
}

function failureOf(error: unknown): Exclude<DeliveryFailure, 'status' | 'disabled'> {
  if (error instanceof BlockedError) return 'blocked';
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') return 'timeout';
  if (/^(ERR_TLS|ERR_SSL|EPROTO)|CERT|SIGNATURE/.test(code)) return 'tls';
  return /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|EINVAL)$/.test(code) ? 'connection' : 'reset';
}
