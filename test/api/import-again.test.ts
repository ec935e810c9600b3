import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Intake } from '../../src/erasure/intake.js';
import { importRequests } from '../../src/erasure/import-requests.js';
import { IMPORT_HEADER, readImportCsv } from '../../src/erasure/read-import-csv.js';
import type { Workplace } from '../../src/erasure/workplace.js';
import { startApi } from './test-api.js';
import type { TestApi } from './test-api.js';

const HEADER = IMPORT_HEADER.join(',');
const SM = 'supermemory.documents';

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ unconfigured: ['velt.documents'] });
});
afterAll(() => api.close());

describe('a CSV import', () => {
  it('sent again passes over nothing that was refused the first time', async () => {
    const file = [HEADER, `w,${SM},,,w1`, 'w,velt.documents,org1,,w2', `w,${SM},,,w3`, ''].join('\n');
    const imported = async (systems: Workplace['systems']) => {
      const entries = readImportCsv({ systems }, Readable.from([Buffer.from(file)]));
      const results = [];
      for await (const result of importRequests(new Intake(api.workplace), entries, 'key_test')) results.push(result);
      return results.map((result) => ('id' in result ? 'made' : `${result.line} ${result.problem.slug}`));
    };
    const { systems } = api.workplace;
    const all = new Map([...systems].map(([name, system]) => [name, { ...system, configured: true }]));
    expect(await imported(systems)).toEqual(['3 invalid_input', 'made']);
    expect(await imported(all)).toEqual(['2 key_reused']);
  });
});
