import type { Throughput } from '../measure/throughput.ts';
import type { Results } from '../results.ts';

const WIDTH = 760;
const LABEL_WIDTH = 300;
const BAR_HEIGHT = 18;
const ROW_HEIGHT = 26;
const GROUP_HEIGHT = 44;

/** First runs and replays as bars, in an SVG whose colours follow the reader's light or dark scheme. */
export function chart({ throughput }: Results): string {
  const groups = [
    [
      'First run, requests a second',
      throughput.filter((figure) => figure.scenario === 'first' && !figure.contender.includes('static')),
    ],
    [
      'Replay, each key once, requests a second',
      throughput.filter((figure) => figure.scenario === 'retry' || figure.contender.includes('static')),
    ],
    [
      'Replay, 300 keys again and again, requests a second',
      throughput.filter((figure) => figure.scenario === 'storm' || figure.contender.includes('static')),
    ],
  ] as const;
  const parts: string[] = [];
  let y = 0;
  for (const [title, figures] of groups) {
    y += GROUP_HEIGHT;
    parts.push(`<text class="title" x="0" y="${y - 14}">${title}</text>`);
    const most = Math.max(...figures.map((figure) => figure.perSecond));
    for (const figure of figures) {
      parts.push(bar(figure, y, most));
      y += ROW_HEIGHT;
    }
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 10}" role="img" aria-label="Requests a second of each contender">
<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; font-size: 15px; }
.bar { fill: #8c959f; } .own { fill: #0969da; } .limit { fill: #d0d7de; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .bar { fill: #6e7681; } .own { fill: #58a6ff; } .limit { fill: #30363d; }
}
</style>
${parts.join('\n')}
</svg>
`;
}

function bar(figure: Throughput, y: number, most: number): string {
  const width = Math.max(1, (figure.perSecond / most) * (WIDTH - LABEL_WIDTH - 70));
  const kind = figure.contender.startsWith('Oncegate')
    ? 'own'
    : figure.contender.startsWith('Limit')
      ? 'limit'
      : 'bar';
  const label = figure.storage === 'none' ? figure.contender : `${figure.contender}, ${figure.storage}`;
  const text = y + BAR_HEIGHT - 4;
  return `<text x="0" y="${text}">${label}</text>
<rect class="${kind}" x="${LABEL_WIDTH}" y="${y}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" rx="2"/>
<text x="${(LABEL_WIDTH + width + 6).toFixed(1)}" y="${text}">${Math.round(figure.perSecond)}</text>`;
}
