import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { placeOf } from './places.ts';
import { files, root, textOf } from './sources.ts';

/** As wide as the formatter makes code. It leaves comments alone. */
const { formatter } = JSON.parse(readFileSync(`${root}biome.json`, 'utf8')) as {
  formatter: { lineWidth: number };
};

test('the first line of each source file says what it is, and where it runs', () => {
  const wrong = files.flatMap((file) => {
    const [, head = ''] = /^(?:#!.*\n)?\/\*\*([\s\S]*?)\*\//.exec(textOf(file)) ?? [];
    const words = head.replace(/\n \*/g, ' ').replace(/\s+/g, ' ');
    const [, place] = / Runs in: ([^.]+)\./.exec(words) ?? [];
    const right = placeOf(file);
    return /@module/.test(words) && place === right ? [] : [`${file} says «${place}», and runs in: ${right}`];
  });
  expect(wrong).toEqual([]);
});

test('no comment is wider than the code may be', () => {
  const sources = globSync('{src,test,bench,build,examples}/**/*.{ts,tsx,js}', {
    cwd: root,
    exclude: ['**/node_modules/**', '**/.wrangler/**'],
  });
  expect(sources.length).toBeGreaterThan(400);
  const wide = sources.flatMap((path) =>
    readFileSync(`${root}${path}`, 'utf8')
      .split('\n')
      .flatMap((line, index) =>
        isComment(line) && [...line].length > formatter.lineWidth ? [`${path}:${index + 1}`] : [],
      ),
  );
  expect(wide).toEqual([]);
});

/** A directive to a tool stands on one line, however long. */
function isComment(line: string): boolean {
  return /^\s*(\/\/|\/\*|\*)/.test(line) && !/biome-ignore|@ts-expect-error/.test(line);
}
