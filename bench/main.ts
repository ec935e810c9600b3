/** Runs one bench by its name, or all. Ends with 1 when a limit is missed. */
import { benchExport } from './export.js';
import { benchImport } from './import.js';
import { benchLedger } from './ledger.js';
import { benchPipeline } from './pipeline.js';
import { benchSubmit } from './submit.js';
import { benchTruth } from './truth.js';

const BENCHES: ReadonlyMap<string, () => Promise<boolean>> = new Map([
  ['import', benchImport],
  ['ledger', benchLedger],
  ['pipeline', benchPipeline],
  ['submit', benchSubmit],
  ['truth', benchTruth],
  ['export', benchExport],
]);

const name = process.argv[2];
const chosen = name === undefined ? [...BENCHES.values()] : [BENCHES.get(name)];
let held = true;
for (const bench of chosen) {
  if (!bench) {
    process.stderr.write(`there is no bench named ${name ?? ''}; there are ${[...BENCHES.keys()].join(', ')}\n`);
    process.exit(2);
  }
  held = (await bench()) && held;
}
process.exit(held ? 0 : 1);
