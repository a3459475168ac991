import { execFileSync } from 'node:child_process';
import { globSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

const MIB = 1024 * 1024;

/** What the gateway holds at one moment. */
export interface Sample {
  readonly second: number;
  /** Of the gateway's processes, resident. */
  readonly memoryMib: number;
  /** Of the ledger's databases, their logs included. */
  readonly ledgerMib: number;
  /** Executions in the ledger. */
  readonly rows: number;
  /** Executions in the ledger whose TTL has ended. */
  readonly expiredRows: number;
}

export function sample(second: number, pid: number, storage: string): Sample {
  const { rows, expiredRows } = count(storage);
  return { second, memoryMib: memoryMib(pid), ledgerMib: ledgerMib(storage), rows, expiredRows };
}

function memoryMib(group: number): number {
  const lines = execFileSync('ps', ['-o', 'rss=', '-g', String(group)])
    .toString()
    .trim()
    .split('\n');
  return lines.reduce((sum, line) => sum + Number(line), 0) / 1024;
}

function ledgerMib(storage: string): number {
  const files = globSync(`${storage}/**/*.sqlite*`).filter((file) => file.includes('Ledger'));
  return files.reduce((sum, file) => sum + statSync(file).size, 0) / MIB;
}

/** Reads the ledger's databases from outside, beside the runtime that writes them. */
function count(storage: string): Pick<Sample, 'rows' | 'expiredRows'> {
  let rows = 0;
  let expiredRows = 0;
  for (const file of globSync(`${storage}/**/*.sqlite`)) {
    const database = new DatabaseSync(file, { readOnly: true });
    try {
      if (database.prepare(`SELECT 1 FROM sqlite_master WHERE name = 'executions'`).get() === undefined)
        continue;
      const found = database
        .prepare(
          'SELECT count(*) AS rows, count(*) FILTER (WHERE expires_at <= ?) AS expired FROM executions',
        )
        .get(Date.now());
      rows += Number(found?.rows);
      expiredRows += Number(found?.expired);
    } finally {
      database.close();
    }
  }
  return { rows, expiredRows };
}
