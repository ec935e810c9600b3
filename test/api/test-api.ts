/** The real application on a real port and a real database, without workers: what is submitted stays pending. */
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { request as send } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { Module } from '@nestjs/common';
import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { expect } from 'vitest';
import { ApiModule } from '../../src/api/api.module.js';
import { configureHttp } from '../../src/api/configure-http.js';
import { fastifyAdapter } from '../../src/api/fastify-adapter.js';
import type { HttpTimes } from '../../src/api/fastify-adapter.js';
import type { Limits } from '../../src/core/rate-window.js';
import { CallMetrics } from '../../src/api/metrics.js';
import { QueueProbe } from '../../src/api/queue-probe.js';
import type { Log } from '../../src/erasure/workplace.js';
import { Workplace } from '../../src/erasure/workplace.js';
import { Sealer } from '../../src/ledger/seal.js';
import { hashApiKey } from '../../src/store/api-keys.js';
import { Database } from '../../src/store/database.js';
import { Vault } from '../../src/store/vault.js';
import { SYSTEMS } from '../../src/systems/registry.js';
import { testDatabase } from '../support/postgres.js';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as it came. */
  readonly bytes: Buffer;
}

export interface Sending {
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** Sent as it is when bytes or text, else as JSON. */
  readonly body?: unknown;
  /** Null: none. */
  readonly key?: string | null;
}

export interface Options {
  /** Systems without credentials. */
  readonly unconfigured?: readonly string[];
  readonly times?: HttpTimes;
  readonly queuePing?: () => Promise<void>;
  readonly limits?: Partial<Limits>;
  /** Further routes, beside those of the service. */
  readonly controllers?: readonly Type[];
}

export interface TestApi {
  readonly port: number;
  readonly app: NestFastifyApplication;
  readonly workplace: Workplace;
  readonly metrics: CallMetrics;
  /** Everything that was logged, as JSON lines. */
  readonly logged: string[];
  readonly adminKey: string;
  call(method: string, path: string, sending?: Sending): Promise<Answer>;
  /** Sends bytes over a bare connection and gives all that comes back until it closes. */
  raw(bytes: string): Promise<string>;
  makeKey(scopes: readonly string[], expiresAt?: Date): Promise<string>;
  /** How many rows an API call could have made. */
  stored(): Promise<number>;
  close(): Promise<void>;
}

export async function startApi(options: Options = {}): Promise<TestApi> {
  const postgres = await testDatabase();
  const database = new Database(postgres.pool);
  const dataKey = randomBytes(32);
  const vault = await Vault.open(database, () => Promise.resolve(dataKey));
  const logged: string[] = [];
  const note = (facts: object, message: string): void => void logged.push(JSON.stringify({ ...facts, message }));
  const log: Log = { info: note, warn: note, error: note };
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const quiet = { refused: () => undefined, failed: () => undefined };
  const sealer = await Sealer.open(database, { current: () => Promise.resolve(pem), next: null }, quiet);
  const metrics = new CallMetrics();
  const workplace = new Workplace(
    database,
    vault,
    systems(options.unconfigured ?? []),
    SETTINGS,
    { ring: () => {} },
    log,
    metrics,
  );

  @Module({
    controllers: [...(options.controllers ?? [])],
    providers: [
      { provide: Workplace, useValue: workplace },
      { provide: Sealer, useValue: sealer },
      { provide: CallMetrics, useValue: metrics },
      { provide: QueueProbe, useValue: new QueueProbe(options.queuePing ?? (() => Promise.resolve())) },
    ],
    exports: [Workplace, Sealer, CallMetrics, QueueProbe],
  })
  class Outside {}

  const limits: Limits = { ...LIMITS, ...options.limits };
  const adapter = fastifyAdapter(log, options.times, limits.trustedProxies);
  const app = await NestFactory.create<NestFastifyApplication>(ApiModule.over([Outside], limits), adapter, {
    logger: false,
    abortOnError: false,
  });
  configureHttp(app);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;

  async function makeKey(scopes: readonly string[], expiresAt?: Date): Promise<string> {
    const key = `expunge_${randomBytes(32).toString('base64url')}`;
    const sha256 = new Uint8Array(hashApiKey(key));
    const row = { id: randomUUID(), name: randomUUID(), prefix: key.slice(0, 8), sha256, scopes: [...scopes] };
    await database.prisma.apiKey.create({ data: { ...row, expiresAt: expiresAt ?? null } });
    return key;
  }
  const adminKey = await makeKey(['admin']);

  return {
    port,
    app,
    workplace,
    metrics,
    logged,
    adminKey,
    makeKey,
    call: (method, path, sending = {}) => call(port, method, path, { key: adminKey, ...sending }),
    raw: (bytes) => raw(port, bytes),
    stored: async () => {
      const counts = `select (select count(*) from erasure_request) + (select count(*) from item)
        + (select count(*) from idempotency_key) + (select count(*) from sealed_block) as count`;
      const { rows } = await postgres.pool.query<{ count: string }>(counts);
      return Number(rows[0]?.count);
    },
    close: async () => {
      await app.close();
      await database.prisma.$disconnect();
      await postgres.close();
    },
  };
}

const LIMITS: Limits = { authFailuresPerMinute: 30, keyRequestsPerMinute: 12_000, trustedProxies: 0 };

const SETTINGS = {
  providerTimeoutMs: 30_000,
  leaseMarginMs: 15_000,
  batchLingerMs: 200,
  retryBaseMs: 1000,
  retryMaxAttempts: 8,
  retentionDays: null,
  allowPrivateEndpoints: false,
};

function systems(unconfigured: readonly string[]): Workplace['systems'] {
  return new Map(
    SYSTEMS.map((system) => [
      system.name,
      {
        system,
        provider: { name: system.provider.name, concurrency: 8, callsPerMinute: null },
        configured: !unconfigured.includes(system.name),
        idsPerCall: system.provider.idsPerCallMax,
        credentialsDigest: null,
        send: () => Promise.reject(new Error('nothing is sent here')),
      },
    ]),
  );
}

function call(port: number, method: string, path: string, { headers, body, key }: Sending): Promise<Answer> {
  const payload = body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const request = send({
      host: '127.0.0.1',
      port,
      method,
      path,
      agent: false,
      headers: {
        ...(key ? { authorization: `Bearer ${key}` } : {}),
        ...(payload === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
        ...headers,
      },
    });
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: bytes.toString(), bytes });
      });
    });
    request.end(payload);
  });
}

function raw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes, 'latin1'));
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}

/** Asserts that an answer is that problem, whole and without what was sent, and gives its pointers. */
export function expectProblem(answer: Answer, status: number, slug: string): string[] {
  expect(answer.text).toContain(`urn:expunge:problem:${slug}"`);
  expect(answer.status).toBe(status);
  expect(answer.headers['content-type']).toBe('application/problem+json');
  const problem: { requestId: string; status: number; title: string; detail: string; errors?: { path: string }[] } =
    JSON.parse(answer.text);
  expect(problem.status).toBe(status);
  expect(problem.title).not.toBe('');
  expect(problem.detail).not.toBe('');
  expect(problem.requestId).toBe(answer.headers['x-request-id']);
  expect(answer.text).not.toMatch(/node_modules|at \w+ \(/);
  return (problem.errors ?? []).map((error) => error.path);
}

/** A body that is fine; `changes` go into it. */
export function aBody(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { subject: { ref: 'user_42' }, targets: [{ system: 'supermemory.documents', ids: ['m1', 'm2'] }], ...changes };
}

export const SUBMIT = '/v1/erasure-requests';
