import type { Statement, Transaction } from './database.js';

const NOW: Statement = { name: 'database-now', text: 'select now() as now' };

/** The database's clock: the only one by which anything is due. */
export async function databaseNow(reader: Pick<Transaction, 'rows'>): Promise<Date> {
  const row = (await reader.rows<{ now: Date }>(NOW))[0];
  if (!row) throw new Error('the database gave no time');
  return row.now;
}
