/** 10,000 bodies made out of the API document, and bytes that are no bodies: none of them breaks the service. */
import { randomInt, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromSchema } from '../support/from-schema.js';
import type { JsonSchema } from '../support/from-schema.js';
import { startApi, SUBMIT } from './test-api.js';
import type { TestApi } from './test-api.js';

const BODIES = 10_000;
/** Sent at once. */
const TOGETHER = 20;
const SEED = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31));

interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}
interface Operation {
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: JsonSchema }>> };
}

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ unconfigured: ['velt.comments'] });
});
afterAll(() => api.close());

/** Every route that takes JSON, with the values of its schema. */
async function takers(): Promise<{ method: string; path: string; bodies: fc.Arbitrary<unknown> }[]> {
  const { paths, components }: ApiDocument = JSON.parse((await api.call('GET', '/openapi.json')).text);
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { requestBody }]) => {
      const schema = requestBody?.content['application/json']?.schema;
      if (schema === undefined) return [];
      return [{ method: method.toUpperCase(), path, bodies: fromSchema(schema, components.schemas) }];
    }),
  );
}

describe('any body', () => {
  it(`of 10,000 out of the API document is taken in or refused with a reason (FUZZ_SEED=${SEED})`, async () => {
    const routes = await takers();
    expect(routes.map(({ path }) => path)).toEqual(expect.arrayContaining([SUBMIT, `${SUBMIT}/search`]));
    const server = api.app.getHttpAdapter().getInstance();
    const statuses = new Map<number, number>();
    const broken: string[] = [];
    // Half of them are for the route that stores.
    const share = (path: string): number => Math.ceil(path === SUBMIT ? BODIES / 2 : BODIES / 2 / (routes.length - 1));
    let sent = 0;
    for (const { method, path, bodies } of routes) {
      const samples = fc.sample(bodies, { numRuns: share(path), seed: SEED });
      for (let first = 0; first < samples.length; first += TOGETHER) {
        const together = samples.slice(first, first + TOGETHER).map(async (value) => {
          const payload = JSON.stringify(value);
          const answer = await server.inject({
            method: method === 'PUT' ? 'PUT' : 'POST',
            url: path.replaceAll(/\{[^}]+\}/g, () => randomUUID()),
            headers: { authorization: `Bearer ${api.adminKey}`, 'content-type': 'application/json' },
            payload,
          });
          const said = answer.statusCode < 400 || answer.body.includes('"type":"urn:expunge:problem:');
          statuses.set(answer.statusCode, (statuses.get(answer.statusCode) ?? 0) + 1);
          if (answer.statusCode >= 500 || !said) broken.push(`${answer.statusCode} ${method} ${path} ${payload}`);
        });
        await Promise.all(together);
        sent += together.length;
      }
    }
    expect(broken.slice(0, 3), `FUZZ_SEED=${SEED}`).toEqual([]);
    expect(sent).toBeGreaterThanOrEqual(BODIES);
    // Not all the same door: some are taken in, some are refused.
    expect(statuses.get(202)).toBeGreaterThan(BODIES / 200);
    expect(statuses.get(400)).toBeGreaterThan(BODIES / 200);
    expect(api.logged.join('\n')).not.toContain('our side');
  }, 240_000);

  it('of any bytes is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), async (bytes) => {
        const answer = await api.call('POST', SUBMIT, { body: Buffer.from(bytes) });
        expect(answer.status).toBe(400);
      }),
      { numRuns: 200 },
    );
    expect(api.logged.join('\n')).not.toContain('our side');
  });
});
