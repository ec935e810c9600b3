/**
 * What a careful engineer would write in an afternoon: sends the deletions, so many at once, and records nothing. Prints
 * the milliseconds that it took. Arguments: URL, prefix of the IDs, how many, IDs a call, calls at once.
 */
import { Pool } from 'undici';

const [url = '', prefix = '', count = '0', perCall = '100', concurrency = '8'] = process.argv.slice(2);
const ids = Array.from({ length: Number(count) }, (_, index) => `${prefix}${index}`);
const pool = new Pool(url, { connections: Number(concurrency) });
const startedMs = performance.now();
let next = 0;

async function work(): Promise<void> {
  while (next < ids.length) {
    const chunk = ids.slice(next, next + Number(perCall));
    next += chunk.length;
    const { statusCode, body } = await pool.request({
      method: 'DELETE',
      path: '/v3/documents/bulk',
      headers: { authorization: 'Bearer sm_sandbox_key', 'content-type': 'application/json' },
      body: JSON.stringify({ ids: chunk }),
    });
    await body.json();
    if (statusCode !== 200) throw new Error(`answered ${statusCode}`);
  }
}

await Promise.all(Array.from({ length: Number(concurrency) }, work));
process.stdout.write(`${performance.now() - startedMs}\n`);
await pool.close();
