import { sumOf } from '../../counters.ts';
import { countText } from '../../format.ts';
import { prevented, type RouteSummary } from '../summary.ts';
import { CONSOLE } from './page.tsx';

/** Each route in one row: what went through it in a span of time, and how it is now. */
export function RoutesTable({ summaries, span }: { summaries: readonly RouteSummary[]; span: string }) {
  return (
    <section id="routes" data-live>
      <h2>Routes, {span}</h2>
      <section class="scroll" tabindex={0} aria-label="Routes">
        <table>
          <thead>
            <tr>
              <th scope="col">Route</th>
              <th scope="col" class="number">
                Sent
              </th>
              <th scope="col" class="number">
                Prevented
              </th>
              <th scope="col" class="number">
                Failed
              </th>
              <th scope="col" class="number">
                Key reused
              </th>
              <th scope="col" class="number">
                In flight
              </th>
              <th scope="col" class="number">
                Unknown
              </th>
            </tr>
          </thead>
          <tbody>
            {summaries.map(({ route, minutes, running, unknown }) => {
              const counts = sumOf(minutes.map((minute) => minute.counts));
              return (
                <tr>
                  <th scope="row">
                    <a href={`${CONSOLE}/executions?route=${encodeURIComponent(route.path)}`}>
                      <code class="path">{route.path}</code>
                    </a>
                  </th>
                  <td class="number">{countText(counts.runs)}</td>
                  <td class="number">{countText(prevented(counts))}</td>
                  <td class="number">{countText(counts.failed)}</td>
                  <td class="number">{countText(counts.keyReused)}</td>
                  <td class="number">{countText(running)}</td>
                  <td class={unknown > 0 ? 'number alarm' : 'number'}>{countText(unknown)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </section>
    </section>
  );
}
