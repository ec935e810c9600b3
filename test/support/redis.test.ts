import { createConnection } from 'node:net';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeRedis } from './redis.js';
import { type PrivateRedis, startRedis } from './redis-server.js';

/** One command, one line of answer. */
function ask(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port }, () => socket.write(`${command}\r\n`));
    socket.once('data', (chunk) => {
      socket.destroy();
      resolve(chunk.toString().trim());
    });
    socket.once('error', reject);
  });
}

describeRedis('a private Redis', () => {
  let redis: PrivateRedis;

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(() => redis.stop());

  it('evicts nothing', async () => {
    expect(await ask(redis.port, 'CONFIG GET maxmemory-policy')).toContain('noeviction');
  });

  it('comes back on its port with what it held', async () => {
    await ask(redis.port, 'SET kept yes');
    await redis.kill();
    await expect(ask(redis.port, 'PING')).rejects.toThrow('ECONNREFUSED');
    redis = await startRedis(redis);
    expect(await ask(redis.port, 'GET kept')).toContain('$3');
  });

  it('leaves nothing behind', async () => {
    const other = await startRedis();
    await other.stop();
    await other.stop();
    expect(existsSync(other.dir)).toBe(false);
  });
});
