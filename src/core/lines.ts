/** Bytes that arrive in chunks, as lines: numbered, with their own bytes, and none held whole that is too long. */

const NEWLINE = 0x0a;

export interface Line {
  /** From 1. */
  readonly number: number;
  /** As they came, the newline included. */
  readonly bytes: Buffer;
  /** False for a part of a line longer than the limit: its other parts have the same number. */
  readonly whole: boolean;
}

/**
 * The lines of a stream, those of each chunk together. A line that is longer than `bytesMax` comes in parts. Joined, the
 * bytes of all lines are those of the stream.
 */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<readonly Line[], void, undefined> {
  let number = 1;
  let begun: Buffer = Buffer.alloc(0);
  let parted = false;
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const lines: Line[] = [];
    let from = 0;
    for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, from)) {
      const end = bytes.subarray(from, at + 1);
      const line = begun.length === 0 ? end : Buffer.concat([begun, end]);
      lines.push({ number, bytes: line, whole: !parted && line.length <= bytesMax });
      number += 1;
      begun = Buffer.alloc(0);
      parted = false;
      from = at + 1;
    }
    // A copy: a short rest must not keep its whole chunk alive.
    begun = Buffer.concat([begun, bytes.subarray(from)]);
    if (begun.length > bytesMax) {
      lines.push({ number, bytes: begun, whole: false });
      begun = Buffer.alloc(0);
      parted = true;
    }
    if (lines.length > 0) yield lines;
  }
  if (begun.length > 0) yield [{ number, bytes: begun, whole: !parted }];
}
