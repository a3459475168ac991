/** @module A table of failures. Runs in: the Worker. */

import { FAILURE_TEXTS } from '../execution-texts.ts';
import type { Failure } from '../schemas.ts';
import { CONSOLE } from './page.tsx';
import { Asked, Time } from './parts.tsx';
import { type Column, Table } from './table.tsx';

/** Runs that failed, one a row. */
export function FailureTable({ failures, now }: { failures: readonly Failure[]; now: number }) {
  const columns: Column<Failure>[] = [
    { name: 'Failed', cell: ({ failedAt }) => <Time at={failedAt} now={now} /> },
    { name: 'Why', cell: why },
    { name: 'Request', cell: (failure) => <Asked request={failure} /> },
    { name: 'Route', isWide: true, cell: ({ route }) => <code class="path">{route}</code> },
    { name: 'Caller', isWide: true, cell: ({ caller }) => <code>{caller}</code> },
    {
      name: 'Trace',
      isWide: true,
      cell: ({ traceId }) => (traceId === null ? '–' : <code class="trace">{traceId}</code>),
    },
    {
      name: 'Its key',
      cell: ({ keyHash }) => <a href={`${CONSOLE}/executions?keyHash=${keyHash}`}>what came of it</a>,
    },
  ];
  return <Table class="executions failures" columns={columns} rows={failures} />;
}

function why({ reason, status, rule }: Failure) {
  const text = reason === 'said-failed' ? `${FAILURE_TEXTS[reason]} (${rule})` : FAILURE_TEXTS[reason];
  return (
    <>
      {status !== null && <strong class="status">{status}</strong>} {text}
    </>
  );
}
