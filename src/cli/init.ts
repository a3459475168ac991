import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'smol-toml';
import { checkFile } from './check.ts';
import { EXIT, Exit } from './exit.ts';
import { parseOptions } from './options.ts';
import { json, line } from './print.ts';

/** `oncegate init [DIRECTORY]`: writes a wrangler.toml that puts a gateway in front of an upstream. */
export function init(args: readonly string[]): void {
  const options = parseOptions(args, ['json', 'upstream', 'name', 'force'], { min: 0, max: 1 });
  const directory = options.operands[0] ?? '.';
  const upstream = options.text('upstream');
  if (upstream === undefined) {
    throw new Exit(EXIT.usage, 'In front of what? Give --upstream https://api.example.com.');
  }
  if (!/^https?:$/.test(URL.parse(upstream)?.protocol ?? '')) {
    throw new Exit(EXIT.usage, `${upstream} is not an http or https URL.`);
  }
  const path = join(directory, 'wrangler.toml');
  if (existsSync(path) && !options.flag('force')) {
    throw new Exit(EXIT.no, `${path} is there already. --force writes over it.`);
  }
  write(directory, path, wranglerToml(options.text('name') ?? 'oncegate', upstream));
  const result = checkFile(path, undefined);
  if (!result.ok) {
    const problems = result.bad.map(({ setting, why }) => `${setting} ${why}`).join('; ');
    throw new Exit(EXIT.no, `${path} was written, and is not valid: ${problems}`);
  }
  if (options.flag('json')) {
    json({ written: path, upstream });
    return;
  }
  line(`${path} is written. Next:`);
  line('  npm install --save-dev oncegate wrangler');
  line('  npx oncegate check');
  line('  npx wrangler deploy');
  line('  npx wrangler secret put ADMIN_TOKEN');
}

function write(directory: string, path: string, text: string): void {
  try {
    mkdirSync(directory, { recursive: true });
    writeFileSync(path, text);
  } catch (error) {
    throw new Exit(
      EXIT.usage,
      `${path} cannot be written: ${error instanceof Error ? error.message : error}`,
    );
  }
}

function wranglerToml(name: string, upstream: string): string {
  const settings = {
    name,
    main: 'node_modules/oncegate/dist/worker/index.js',
    compatibility_date: '2026-11-01',
    observability: { enabled: true },
    durable_objects: { bindings: [{ name: 'LEDGER', class_name: 'Ledger' }] },
    migrations: [{ tag: 'v1', new_sqlite_classes: ['Ledger'] }],
    kv_namespaces: [{ binding: 'RESULTS' }],
    vars: { UPSTREAM_URL: upstream, TTL_SECONDS: 86_400, UNKNOWN_OUTCOME: 'retry' },
  };
  return `# An idempotency gateway in front of ${upstream}. “npx oncegate check” says what it will do.\n${stringify(settings)}\n`;
}
