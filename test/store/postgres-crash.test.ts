import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isAlive } from '../../src/store/directory-lock.js';
import { ask, EmbeddedServers, until } from './embedded-servers.js';

const servers = new EmbeddedServers();

describe('a data folder', () => {
  it('belongs to one start at a time', async () => {
    await servers.start();
    await expect(servers.start()).rejects.toThrow(
      new RegExp(`^DATA_DIR .* is in use by process ${process.pid}: one process at a time, or set DATABASE_URL.*$`),
    );
  });

  it('goes to exactly one of two processes that start at once', async () => {
    const racers = [servers.hold(), servers.hold()];
    const answers = await Promise.all(racers.map((racer) => racer.answer));
    expect(answers.filter((said) => said.starts === 1)).toHaveLength(1);
    expect(answers.filter((said) => /is in use by process \d+/.test(said.refused ?? ''))).toHaveLength(1);
    for (const racer of racers) racer.child.stdin?.end();
    await Promise.all(racers.map((racer) => racer.ended));
  });

  it('goes to exactly one of six processes that find a dead one’s lock', async () => {
    const dead = servers.hold();
    await dead.answer;
    dead.child.kill('SIGKILL');
    await dead.ended;
    const racers = Array.from({ length: 6 }, () => servers.hold());
    const answers = await Promise.all(racers.map((racer) => racer.answer));
    expect(answers.filter((said) => said.starts === 2)).toHaveLength(1);
    expect(answers.filter((said) => said.refused !== undefined)).toHaveLength(5);
    for (const racer of racers) racer.child.stdin?.end();
    await Promise.all(racers.map((racer) => racer.ended));
  });
});

describe('after a kill -9', () => {
  it('of the parent, Postgres ends by itself and the next start has every commit', async (context) => {
    if (process.platform !== 'linux') return context.skip('needs setpriv');
    const parent = servers.hold();
    const { pid } = await parent.answer;
    parent.child.kill('SIGKILL');
    await until(() => pid !== undefined && !isAlive(pid));
    expect(await ask(await servers.start({ durable: true }), 'SELECT count(*)::int FROM start')).toEqual([1]);
    expect(servers.lines).toEqual([]);
  });

  it('of the parent while Postgres cannot notice, the next start ends that Postgres first', async () => {
    const parent = servers.hold();
    const { pid = 0 } = await parent.answer;
    process.kill(pid, 'SIGSTOP');
    parent.child.kill('SIGKILL');
    await parent.ended;
    const next = servers.start({ durable: true });
    await until(() => servers.lines.length > 0).finally(() => process.kill(pid, 'SIGCONT'));
    expect(await ask(await next, 'SELECT count(*)::int FROM start')).toEqual([1]);
    expect(servers.lines).toEqual(['an embedded Postgres left by a killed process is still running: ending it']);
    expect(servers.postmasterPid()).not.toBe(pid);
  });

  it('of first starts at whatever moment, the next one is as good as the first', async () => {
    const killedAfterMs = [60, 120, 200, 300, 450, 600];
    for (const moment of killedAfterMs) {
      const parent = servers.hold();
      await Promise.race([parent.answer, new Promise((resolve) => setTimeout(resolve, moment))]);
      parent.child.kill('SIGKILL');
      expect((await parent.ended).filter((said) => said.refused !== undefined)).toEqual([]);
    }
    expect(await ask(await servers.start(), 'SELECT 1')).toEqual([1]);
  });

  it('of the postmaster, it is started again on the same socket', async () => {
    const server = await servers.start({ durable: true });
    await ask(server, 'CREATE TABLE kept AS SELECT 7 AS value');
    const killed = servers.postmasterPid();
    process.kill(killed, 'SIGKILL');
    await until(() =>
      ask(server, 'SELECT value FROM kept').then(
        ([value]) => value === 7,
        () => false,
      ),
    );
    expect(servers.postmasterPid()).not.toBe(killed);
    expect(servers.lines).toContain('the embedded Postgres has died: starting it again');
  });

  it('a stop in the middle of starting again leaves nothing running', async () => {
    const server = await servers.start();
    const killed = servers.postmasterPid();
    process.kill(killed, 'SIGKILL');
    await until(() => servers.lines.length > 0);
    await server.stop();
    await (await servers.start()).stop();
    expect(existsSync(join(servers.dataDir, 'postgres', 'postmaster.pid'))).toBe(false);
  });

  it('a postmaster.pid whose process is by now another’s stops nothing, nor is that one touched', async () => {
    const first = await servers.start();
    const text = readFileSync(join(servers.dataDir, 'postgres', 'postmaster.pid'), 'utf8');
    await first.stop();
    const stranger = spawn('sleep', ['60'], { stdio: 'ignore' });
    await once(stranger, 'spawn');
    writeFileSync(join(servers.dataDir, 'postgres', 'postmaster.pid'), text.replace(/^\d+/, String(stranger.pid)));
    expect(await ask(await servers.start(), 'SELECT 1')).toEqual([1]);
    expect(stranger.exitCode).toBe(null);
    stranger.kill();
  });
});
