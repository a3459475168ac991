import { bytesText, countText, durationText } from '../../format.ts';
import { repeatsOf } from '../execution-texts.ts';
import type { Execution } from '../schemas.ts';
import { CONSOLE } from './page.tsx';
import { State, Time } from './parts.tsx';

/** Executions, one a row. On a narrow page the columns that say less are left out. */
export function ExecutionTable({ executions, now }: { executions: readonly Execution[]; now: number }) {
  return (
    <table class="executions">
      <thead>
        <tr>
          <th scope="col">State</th>
          <th scope="col">Execution</th>
          <th scope="col">Received</th>
          <th scope="col" class="wide">
            Route
          </th>
          <th scope="col" class="number wide">
            Status
          </th>
          <th scope="col" class="number wide">
            Took
          </th>
          <th scope="col" class="number wide">
            Size
          </th>
          <th scope="col" class="number">
            Repeats
          </th>
        </tr>
      </thead>
      <tbody>
        {executions.map((execution) => (
          <tr>
            <td>
              <State state={execution.state} />
            </td>
            <td>
              <a href={`${CONSOLE}/executions/${execution.id}`}>
                <code>{execution.id.slice(0, 10)}…</code>
              </a>
            </td>
            <td>
              <Time at={execution.receivedAt} now={now} />
            </td>
            <td class="wide">
              <code class="path">{execution.route}</code>
            </td>
            <td class="number wide">{execution.status ?? '–'}</td>
            <td class="number wide">{took(execution)}</td>
            <td class="number wide">{execution.bytes === null ? '–' : bytesText(execution.bytes)}</td>
            <td class="number">{countText(repeatsOf(execution))}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function took({ recordedAt, receivedAt }: Execution): string {
  return recordedAt === null ? '–' : durationText(Date.parse(recordedAt) - Date.parse(receivedAt));
}
