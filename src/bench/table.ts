type Side = 'left' | 'right';

/** Rows as aligned lines: the first column is text, all others are figures, unless said. */
export function formatTable(
  rows: readonly (readonly string[])[],
  sides: readonly Side[] = ['left'],
): readonly string[] {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return (sides[column] ?? 'right') === 'left' ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('   ')
      .trimEnd(),
  );
}
