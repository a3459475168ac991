/** A Markdown table: names to the left, columns of figures to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const align = head.map((_, column) =>
    rows.every((row) => /^[\d–×]/.test(row[column] ?? '')) ? '--:' : '---',
  );
  return [line(head), line(align), ...rows.map(line)].join('\n');
}
