import { accessSync, chmodSync, constants, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const IN_MEMORY = '/dev/shm';
const ROOM_BYTES = 2 * 1024 ** 3;

/**
 * Where tests keep what they drop again: in memory, where the machine has room there. Hundreds of databases of some 300
 * files each are made and removed: on a disk that is a fifth of the whole run.
 */
export function temporaryFolder(): string {
  return hasRoom() && lendsItselfToPrograms() ? IN_MEMORY : tmpdir();
}

function hasRoom(): boolean {
  try {
    const { bavail, bsize } = statfsSync(IN_MEMORY);
    return bavail * bsize >= ROOM_BYTES;
  } catch {
    return false;
  }
}

/** Containers mount it `noexec` at times, and some tests bring binaries along. */
function lendsItselfToPrograms(): boolean {
  let folder: string | null = null;
  try {
    folder = mkdtempSync(join(IN_MEMORY, 'expunge-test-'));
    const program = join(folder, 'program');
    writeFileSync(program, '');
    chmodSync(program, 0o755);
    accessSync(program, constants.X_OK);
    return true;
  } catch {
    return false;
  } finally {
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
  }
}
