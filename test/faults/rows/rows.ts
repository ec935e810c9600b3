/** The rows of the fault matrix that run here, by their numbers. docs/faults.md says where the others are. */
import * as clocks from './clocks.js';
import * as databases from './databases.js';
import * as kills from './kills.js';
import * as ledger from './ledger.js';
import * as providers from './providers.js';
import * as queue from './queue.js';
import * as races from './races.js';
import type { Row } from './row.js';

const FAMILIES: readonly Readonly<Record<string, Row>>[] = [kills, clocks, databases, queue, providers, races, ledger];

export const ROWS: readonly Row[] = FAMILIES.flatMap((rows) => Object.values(rows)).sort((a, b) => a.no - b.no);
