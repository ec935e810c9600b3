import { createHash } from 'node:crypto';

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/**
 * The SHA-256 of a file as it is read, up to and including a line of it, that line's newline left out: whether the file
 * went on after it makes no difference.
 */
export class FileDigest {
  private readonly hash = createHash('sha256');
  /** What came since the line that counts. */
  private after: Buffer[] = [];

  /** Lines that make no request themselves. */
  pass(lines: readonly Buffer[]): void {
    this.after.push(...lines);
  }

  /** Lines up to which the file counts now. */
  include(lines: readonly Buffer[]): void {
    const last = lines.at(-1) ?? Buffer.alloc(0);
    let end = last.length;
    if (last[end - 1] === NEWLINE) end -= last[end - 2] === RETURN ? 2 : 1;
    for (const bytes of [...this.after, ...lines.slice(0, -1), last.subarray(0, end)]) this.hash.update(bytes);
    this.after = end < last.length ? [last.subarray(end)] : [];
  }

  /** Hex, of the file up to the last line included. */
  sofar(): string {
    return this.hash.copy().digest('hex');
  }
}
