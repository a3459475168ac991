/**
 * `npm audit`, by what a finding means here. Nothing that is bundled may have one, however slight, as those
 * who install the package do not see it in their own audit. What only builds and tests may have none that is
 * high or critical.
 */
import { spawnSync } from 'node:child_process';
import { bundledPackages, root } from './bundled.ts';

/** Of npm's report, version 2. */
interface Finding {
  readonly name: string;
  readonly severity: 'info' | 'low' | 'moderate' | 'high' | 'critical';
  readonly range: string;
  /** Where the package lies, as often as it does. */
  readonly nodes: readonly string[];
}

const { stdout } = spawnSync('npm', ['audit', '--json'], { cwd: root, encoding: 'utf8' });
const findings = findingsOf(stdout);
if (findings === null) {
  console.error('The registry did not answer the audit, so nothing is known.');
  process.exit(2);
}

const bundled = bundledPackages();
const paths = new Set(bundled.map(({ path }) => path));
console.log(`Bundled: ${bundled.map(({ name, version }) => `${name} ${version}`).join(', ')}.`);
for (const { name, severity, range, nodes } of findings) {
  const isBundled = nodes.some((node) => paths.has(node));
  const counts = isBundled || severity === 'high' || severity === 'critical';
  console.log(
    `${counts ? 'NO' : 'ok'}  ${name} ${range}: ${severity}, ${isBundled ? 'BUNDLED' : 'builds and tests only'}`,
  );
  if (counts) process.exitCode = 1;
}
if (findings.length === 0) console.log('Nothing is known against any package.');

/** `null` where the report is none. */
function findingsOf(text: string): Finding[] | null {
  try {
    const report: { auditReportVersion?: number; vulnerabilities?: Record<string, Finding> } =
      JSON.parse(text);
    return report.auditReportVersion === 2 ? Object.values(report.vulnerabilities ?? {}) : null;
  } catch {
    return null;
  }
}
