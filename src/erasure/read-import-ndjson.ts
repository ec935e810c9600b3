/** An import as NDJSON: each line is the body of one submission. */
import { linesOf } from '../core/lines.js';
import { FileDigest } from './file-digest.js';
import type { ImportEntry, ImportProblem } from './import-requests.js';
import type { Submission } from './store-requests.js';

/** As much as the body of one submission may hold. */
const LINE_BYTES_MAX = 16 * 1024 * 1024;
const TOO_LONG: ImportProblem = { slug: 'body_too_large', detail: 'A line holds at most 16 MiB.', errors: [] };

/** Reads one body; a submission, or what is wrong with it. */
export type ReadLine = (bytes: Buffer) => Promise<Submission | { readonly problem: ImportProblem }>;

/** Reads NDJSON as it arrives. Lines of blanks are passed over; what is wrong with a line is an entry of its own. */
export async function* readImportNdjson(
  chunks: AsyncIterable<Uint8Array>,
  readLine: ReadLine,
): AsyncGenerator<ImportEntry, void, undefined> {
  const digest = new FileDigest();
  let tooLong = 0;
  for await (const lines of linesOf(chunks, LINE_BYTES_MAX)) {
    for (const { number: line, bytes, whole } of lines) {
      if (!whole) {
        digest.pass(bytes);
        if (tooLong !== line) yield { kind: 'refused', line, problem: TOO_LONG };
        tooLong = line;
        continue;
      }
      if (isBlank(bytes)) {
        digest.pass(bytes);
        continue;
      }
      const read = await readLine(bytes);
      if ('problem' in read) {
        digest.pass(bytes);
        yield { kind: 'refused', line, problem: read.problem };
        continue;
      }
      digest.include(bytes);
      yield { kind: 'submission', line, submission: read, fileDigest: digest.sofar() };
    }
  }
}

const isBlank = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d));
