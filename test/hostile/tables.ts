/** What is in each table, a line a row; of a blob its length. */
export type Tables = Readonly<Record<string, readonly string[]>>;

/** All that is in a database. */
export function tablesOf(sql: SqlStorage): Tables {
  const names = sql.exec<{ name: string }>(
    `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%'`,
  );
  return Object.fromEntries(names.toArray().map(({ name }) => [name, rowsOf(sql, name)]));
}

function rowsOf(sql: SqlStorage, table: string): string[] {
  const columns = sql
    .exec<{ name: string; type: string }>('SELECT name, type FROM pragma_table_info(?)', table)
    .toArray()
    .map(({ name, type }) => (type === 'BLOB' ? `length(${name}) AS ${name}` : name));
  const rows = sql.exec(`SELECT ${columns.join(', ')} FROM ${table} ORDER BY 1, 2`);
  return rows.toArray().map((row) => JSON.stringify(row));
}

/** The first difference between two databases; `null` where there is none. */
export function differenceOf(expected: Tables, actual: Tables): string | null {
  for (const table of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
    const [before, after] = [expected[table] ?? [], actual[table] ?? []];
    const missing = before.find((row) => !after.includes(row));
    if (missing !== undefined) return `${table} lacks ${missing}`;
    const surplus = after.find((row) => !before.includes(row));
    if (surplus !== undefined) return `${table} has ${surplus}`;
    if (before.length !== after.length) return `${table} has ${after.length} rows, not ${before.length}`;
  }
  return null;
}
