/** @module Adds the columns that an earlier version did not have. Runs in: the ledger object. */

/**
 * Adds columns to a table that an earlier version made without them: their definitions, by name. What is
 * there already stays as it is. Costs a look at the table's columns, and no row.
 */
export function addMissingColumns(
  sql: SqlStorage,
  table: string,
  columns: Readonly<Record<string, string>>,
): void {
  const there = sql.exec<{ name: string }>('SELECT name FROM pragma_table_info(?)', table).toArray();
  for (const [name, definition] of Object.entries(columns)) {
    if (there.some((column) => column.name === name)) continue;
    sql.exec(`ALTER TABLE ${table} ADD COLUMN ${name} ${definition}`);
  }
}

/** A count that was not kept before is 0. */
export function countColumns(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, 'INTEGER NOT NULL DEFAULT 0']));
}
