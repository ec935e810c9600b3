/** The rows of the fault matrix that run here, by their numbers. docs/faults.md says where the others are. */
import * as kills from './kills.js';
import * as queue from './queue.js';
import type { Row } from './row.js';

export const ROWS: readonly Row[] = [...Object.values(kills), ...Object.values(queue)].sort((a, b) => a.no - b.no);
