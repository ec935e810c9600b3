/** Period exports taken over HTTP: to their end, or until whoever reads them, or sends them, goes away. */
import { get } from 'node:http';
import type { PeriodExport } from './evidence.js';

/** What came of `GET /v1/reports/items`. With `leaveAt`, the reader goes away when so many bytes have come. */
export function takeExport(
  api: { readonly url: string; readonly key: string },
  format: PeriodExport['format'],
  leaveAt = Infinity,
): Promise<PeriodExport> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${api.key}` };
    const asked = get(`${api.url}/v1/reports/items?format=${format}`, { headers }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`an export was answered with ${answer.statusCode}`));
      const chunks: Buffer[] = [];
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes >= leaveAt) asked.destroy();
      });
      answer.on('error', () => undefined);
      answer.on('close', () => resolve({ format, text: Buffer.concat(chunks).toString(), cut: !answer.complete }));
    });
    asked.on('error', reject);
  });
}
