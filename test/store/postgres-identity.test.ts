import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ROOT } from '../support/source-tree.js';
import { compiledModules, openFolder, runProcess } from './postgres-process.js';
import type { Said } from './postgres-process.js';

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

/** Inside a chroot the kernel grants no user namespaces, as in most containers. Mounts are the process's own. */
function inJail(jail: string, mounts: readonly string[], command: string): string[] {
  const steps = [`mount --rbind / '${jail}'`, ...mounts, `exec chroot '${jail}' ${command}`];
  return ['unshare', '-m', 'sh', '-c', steps.join(' && ')];
}

const hasJails =
  isRoot &&
  spawnSync('unshare', ['-m', 'sh', '-c', 'mount --rbind / /mnt && chroot /mnt true && ! chroot /mnt unshare -U true'])
    .status === 0;

let folder: { path: string; remove: () => void };
let modules: { path: string; remove: () => void };
let dataDir: string;

beforeEach(() => {
  folder = openFolder();
  dataDir = join(folder.path, 'data');
  mkdirSync(join(folder.path, 'jail'));
});
afterEach(() => {
  folder.remove();
  modules.remove();
});

/** Starts twice, one after the other, in one jail. */
async function runTwiceInJail(mounts: (jail: string) => string[]): Promise<readonly Said[]> {
  const jail = join(folder.path, 'jail');
  const once = `'${process.execPath}' '${join(modules.path, 'main.js')}' '${dataDir}'`;
  return runProcess(inJail(jail, mounts(jail), `sh -c "${once}; ${once}"`)).ended;
}

describe.skipIf(!isRoot)('the embedded Postgres, started by root (needs root)', () => {
  it.each([
    ['as a user of the system', NOBODY],
    ['as a uid without a name', 54_321],
  ])('runs %s', async (_, uid) => {
    modules = compiledModules();
    mkdirSync(dataDir);
    chownSync(dataDir, uid, uid);
    for (const starts of [1, 2]) {
      const identity = ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
      const run = runProcess([...identity, process.execPath, join(modules.path, 'main.js'), dataDir]);
      expect(await run.answer).toMatchObject({ starts });
      await run.ended;
    }
    expect(statSync(join(dataDir, 'postgres')).uid).toBe(uid);
  });

  it('runs in a folder that only root can enter', async () => {
    modules = compiledModules();
    chmodSync(folder.path, 0o700);
    const run = runProcess([process.execPath, join(modules.path, 'main.js'), dataDir]);
    expect(await run.answer).toMatchObject({ starts: 1, cluster: join(dataDir, 'postgres') });
    await run.ended;
    expect(statSync(join(dataDir, 'postgres')).uid).toBe(0);
  });
});

describe.skipIf(!hasJails)('where user namespaces are forbidden (needs root and mounts)', () => {
  it('root runs it as nobody in the data folder, and goes on so where they are allowed', async () => {
    modules = compiledModules();
    const cluster = join(dataDir, 'postgres');
    expect(await runTwiceInJail(() => [])).toEqual(
      [1, 2].map((starts): unknown => expect.objectContaining({ starts, cluster })),
    );
    expect(statSync(cluster).uid).toBe(NOBODY);
    const outside = runProcess([process.execPath, join(modules.path, 'main.js'), dataDir]);
    expect(await outside.ended).toEqual([expect.objectContaining({ starts: 3, cluster })]);
    expect(statSync(cluster).uid).toBe(NOBODY);
  });

  it('root keeps the cluster and the programs where nobody can enter, when they are closed to it, and says so once', async () => {
    const project = join(folder.path, 'closed', 'project');
    mkdirSync(project, { recursive: true });
    chmodSync(join(folder.path, 'closed'), 0o700);
    dataDir = join(folder.path, 'closed', 'data');
    modules = compiledModules(join(project, 'node_modules'));
    const said = await runTwiceInJail((jail) => [
      `mount -t tmpfs tmpfs '${jail}/var/lib'`,
      `mount --bind '${ROOT}' '${jail}${project}'`,
    ]);
    const cluster = expect.stringMatching(/^\/var\/lib\/expunge\/[0-9a-f]{16}\/postgres$/);
    expect(said).toEqual([
      {
        log: expect.stringMatching(
          /^embedded Postgres runs as uid 65534, which cannot enter .*: its database is in \/var\/lib\/expunge\//,
        ),
      },
      expect.objectContaining({ starts: 1, cluster }),
      expect.objectContaining({ starts: 2, cluster }),
    ]);
    modules.remove();
    modules = compiledModules();
    // /var/lib was the jail's own: to a start outside the database is lost, and it does not begin an empty one.
    const outside = runProcess([process.execPath, join(modules.path, 'main.js'), dataDir]);
    expect(await outside.answer).toEqual({
      refused: expect.stringMatching(/postgres\.elsewhere says that the database is in .* and it is not there/),
    });
  });

  it('root refuses a cluster that was made as root where they are allowed', async () => {
    modules = compiledModules();
    const before = runProcess([process.execPath, join(modules.path, 'main.js'), dataDir]);
    expect(await before.answer).toMatchObject({ starts: 1 });
    await before.ended;
    const refusal = {
      refused: expect.stringMatching(/^DATA_DIR .* holds a Postgres of uid 0, which root cannot run .*chown/),
    };
    expect(await runTwiceInJail(() => [])).toEqual([refusal, refusal]);
  });
});
