/** What JSON looks like, without its values: a line for each member that is not an object. */
export function describeShape(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) {
    return value.length === 0
      ? [`${path}: []`]
      : unique(value.flatMap((one) => describeShape(one, `${path}[]`)));
  }
  if (typeof value !== 'object' || value === null) {
    return [`${path}: ${value === null ? 'null' : typeof value}`];
  }
  const members = Object.entries(value);
  if (members.length === 0) return [`${path}: {}`];
  return members.flatMap(([name, one]) => describeShape(one, path ? `${path}.${name}` : name));
}

/** The lines that only the first or only the second has, in order, marked `+` and `-`. */
export function diffShapes(ours: readonly string[], theirs: readonly string[]): string[] {
  return [
    ...ours.filter((line) => !theirs.includes(line)).map((line) => `+ ${line}`),
    ...theirs.filter((line) => !ours.includes(line)).map((line) => `- ${line}`),
  ].sort();
}

export function unique<T>(list: readonly T[]): T[] {
  return [...new Set(list)];
}

/** Without the repetitions of neighbours: a mock may cut its words as it likes. */
export function collapse(list: readonly string[]): string[] {
  return list.filter((one, index) => one !== list[index - 1]);
}
