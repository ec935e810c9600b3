import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';

/**
 * A reply's body in clear, at most `bytesMax` bytes of it, or why it can not be had. Calls ask for no encoding at all;
 * a proxy that encodes all the same is read, within the cap, so that a small body can not unpack into a huge one.
 */
export function decoded(body: Buffer, encoding: string, bytesMax: number): Buffer | 'too_large' | 'undecodable' {
  const limit = { maxOutputLength: bytesMax };
  try {
    if (encoding === '' || encoding === 'identity') return body;
    if (encoding === 'gzip' || encoding === 'x-gzip') return gunzipSync(body, limit);
    if (encoding === 'deflate') return inflateSync(body, limit);
    if (encoding === 'br') return brotliDecompressSync(body, limit);
    return 'undecodable';
  } catch (error) {
    // zlib reports an output over the limit as a RangeError, and everything wrong with the input as another error.
    return error instanceof RangeError ? 'too_large' : 'undecodable';
  }
}
