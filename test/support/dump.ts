/** Everything that a database holds, as text that can be searched. */
import type { Pool } from 'pg';

/**
 * Every row of every table of a schema, one a line: columns as Postgres prints them, and every hexadecimal run (bytea)
 * once more as the bytes that it stands for.
 */
export async function dumpSchema(pool: Pool, schema: string): Promise<string> {
  const tables = await pool.query<{ name: string }>(
    `select quote_ident(table_schema) || '.' || quote_ident(table_name) as name from information_schema.tables
      where table_schema = $1 and table_type = 'BASE TABLE' order by 1`,
    [schema],
  );
  const lines: string[] = [];
  for (const { name } of tables.rows) {
    const { rows } = await pool.query<{ line: string }>(`select t::text as line from ${name} t`);
    lines.push(...rows.map(({ line }) => `${name} ${line}`));
  }
  const text = lines.join('\n');
  const bytes = [...text.matchAll(/\\x([0-9a-f]{2,})/g)].map(([, hex]) =>
    Buffer.from(hex ?? '', 'hex').toString('latin1'),
  );
  return [text, ...bytes].join('\n');
}
