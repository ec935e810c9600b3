/** A place that moved is a fault that cannot be made, or a bug that cannot be put in: found here, not when its row comes up. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../support/source-tree.js';
import { BROKEN_BUILDS } from './broken-builds.js';
import { API_FAILPOINTS, dieAt, EXPORT_FAILPOINT, SEALER_FAILPOINTS, WORKER_FAILPOINTS } from './failpoints.js';

const failpoints = [...WORKER_FAILPOINTS, ...API_FAILPOINTS, ...SEALER_FAILPOINTS, EXPORT_FAILPOINT];
const rewrites = [
  ...failpoints.map((name) => ({ name, rewrites: dieAt(name, 1).rewrites ?? [] })),
  ...BROKEN_BUILDS.map(({ bug, rewrites }) => ({ name: bug, rewrites })),
].flatMap(({ name, rewrites }) => rewrites.map((rewrite) => ({ name, ...rewrite })));

describe('the compiled service', () => {
  it.each(rewrites)('has the place of "$name" in $file once', ({ file, find }) => {
    expect(readFileSync(join(ROOT, 'dist', file), 'utf8').split(find)).toHaveLength(2);
  });
});
