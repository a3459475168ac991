import { readFileSync } from 'node:fs';
import type { Results } from '../results.ts';
import { tables } from './tables.ts';

/** docs/benchmarks.md: how it was measured, the figures, and how to read them. */
export function page(results: Results): string {
  const { setting, missing } = results;
  const reading = readFileSync(new URL('reading.md', import.meta.url), 'utf8');
  return `# Benchmarks

Written by \`${setting.command} -- --write-docs\` on ${setting.date}; ${setting.minutes.toFixed(1)} minutes, ${setting.rounds} rounds of ${setting.sliceMs} ms for each
contender and request, medians.

![Requests a second of each contender](benchmarks.svg)

- Machine: ${setting.machine}.
- Versions: ${setting.versions.join(', ')}.
${missing.map((what) => `- Missing: ${what}\n`).join('')}
${reading.trim()}

## Figures

${tables(results)}
`;
}
