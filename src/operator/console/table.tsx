/** @module A table. Runs in: the Worker. */

import type { Child } from 'hono/jsx';

/** One column of a table, and what stands in it in a row. */
export interface Column<Row> {
  readonly name: string;
  readonly cell: (row: Row) => Child;
  /** Figures stand at the right. */
  readonly isNumber?: boolean;
  /** Left out on a narrow page, as it says less than the others. */
  readonly isWide?: boolean;
  /** Names the row. */
  readonly isHeader?: boolean;
  /** Marks the values that need attention. */
  readonly alarms?: (row: Row) => boolean;
}

/** A table, one row for each value. */
export function Table<Row>(props: { columns: readonly Column<Row>[]; rows: readonly Row[]; class?: string }) {
  const { columns, rows } = props;
  return (
    <table class={props.class}>
      <thead>
        <tr>
          {columns.map((column) => (
            <th scope="col" class={classOf(column)}>
              {column.name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr>
            {columns.map((column) =>
              column.isHeader === true ? (
                <th scope="row" class={classOf(column)}>
                  {column.cell(row)}
                </th>
              ) : (
                <td class={classOf(column, column.alarms?.(row))}>{column.cell(row)}</td>
              ),
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A table that scrolls where it is wider than the page. Its region can be reached with the keyboard. */
export function ScrollingTable<Row>(props: {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
}) {
  return (
    <section class="scroll" tabindex={0} aria-label={props.label}>
      <Table columns={props.columns} rows={props.rows} />
    </section>
  );
}

function classOf<Row>({ isNumber, isWide }: Column<Row>, isAlarm = false): string | undefined {
  const classes = [isNumber === true && 'number', isWide === true && 'wide', isAlarm && 'alarm'];
  const text = classes.filter((name) => name !== false).join(' ');
  return text === '' ? undefined : text;
}
