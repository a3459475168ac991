import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

/** The path in CHROMIUM, or the first of these commands on the PATH. */
const COMMANDS = ['chromium', 'chromium-browser', 'google-chrome'];
const PATH = process.env.CHROMIUM ?? COMMANDS.map(onPath).find((path) => path !== undefined);

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Without a browser the tests are skipped; in CI, where there has to be one, they fail. */
export const skipped = PATH === undefined && process.env.CI !== 'true';

/** A skipped test that says nothing would pass for one that was run. */
export function warnIfSkipped(tests: string): void {
  if (skipped) console.warn(`SKIPPED: ${tests}, as no Chromium was found (CHROMIUM takes its path).`);
}

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: PATH ?? 'chromium', args: FLAGS });
}

function onPath(command: string): string | undefined {
  const paths = (process.env.PATH ?? '').split(delimiter).map((directory) => join(directory, command));
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
