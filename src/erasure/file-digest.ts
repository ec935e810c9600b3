import { createHash } from 'node:crypto';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const NONE = Buffer.alloc(0);

/**
 * The SHA-256 of a file as it is read, up to and including a line of it, that line's newline left out: whether the file
 * went on after it makes no difference. Holds no more of the file than one newline.
 */
export class FileDigest {
  private readonly hash = createHash('sha256');
  /** The newline of the last line, not hashed yet. */
  private newline: Buffer = NONE;
  /** Up to the last line that counts, once others came after it. */
  private counted: string | null = null;

  /** A line that makes no request itself. */
  pass(line: Buffer): void {
    this.counted ??= this.sofar();
    this.add(line);
  }

  /** A line up to which the file counts now. */
  include(line: Buffer): void {
    this.counted = null;
    this.add(line);
  }

  /** Hex, of the file up to the last line included. */
  sofar(): string {
    return this.counted ?? this.hash.copy().digest('hex');
  }

  private add(line: Buffer): void {
    const end = line.length - (line.at(-1) !== NEWLINE ? 0 : line.at(-2) === RETURN ? 2 : 1);
    this.hash.update(this.newline).update(line.subarray(0, end));
    // A copy: two bytes must not keep their whole chunk alive.
    this.newline = Buffer.from(line.subarray(end));
  }
}
