/** @module A table of executions. Runs in: the Worker. */

import { bytesText, countText, durationText } from '../../format.ts';
import { repeatsOf } from '../execution-texts.ts';
import type { Execution } from '../schemas.ts';
import { CONSOLE } from './page.tsx';
import { Asked, State, Time } from './parts.tsx';
import { type Column, Table } from './table.tsx';

/** Executions, one a row. */
export function ExecutionTable({ executions, now }: { executions: readonly Execution[]; now: number }) {
  const columns: Column<Execution>[] = [
    { name: 'State', cell: ({ state }) => <State state={state} /> },
    {
      name: 'Request',
      cell: (execution) => (
        <a href={`${CONSOLE}/executions/${execution.id}`}>
          <Asked request={execution} />
        </a>
      ),
    },
    { name: 'Received', cell: ({ receivedAt }) => <Time at={receivedAt} now={now} /> },
    { name: 'Route', isWide: true, cell: ({ route }) => <code class="path">{route}</code> },
    { name: 'Caller', isWide: true, cell: ({ caller }) => <code>{caller}</code> },
    { name: 'Status', isWide: true, isNumber: true, cell: ({ status }) => status ?? '–' },
    { name: 'Took', isWide: true, isNumber: true, cell: took },
    {
      name: 'Size',
      isWide: true,
      isNumber: true,
      cell: ({ bytes }) => (bytes === null ? '–' : bytesText(bytes)),
    },
    { name: 'Repeats', isNumber: true, cell: (execution) => countText(repeatsOf(execution)) },
  ];
  return <Table class="executions" columns={columns} rows={executions} />;
}

function took({ recordedAt, receivedAt }: Execution): string {
  return recordedAt === null
    ? '–'
    : durationText(Math.max(0, Date.parse(recordedAt) - Date.parse(receivedAt)));
}
