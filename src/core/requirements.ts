import { evaluateMarker, type MarkerEnvironment } from './markers.ts';

/** One line of a locked requirements file. */
export interface Requirement {
  /** As PyPI compares names. */
  readonly name: string;
  readonly version: string;
}

const PINNED = /^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*==\s*([^\s;]+)\s*(?:;\s*(.+))?$/;

/**
 * What a locked requirements file wants in this environment. Lines that pin nothing, and markers
 * that cannot be read, say nothing that could be checked and are left out.
 */
export function parseRequirements(
  text: string,
  environment: MarkerEnvironment,
): readonly Requirement[] {
  const lines = text.replace(/\\\r?\n/g, ' ').split(/\r?\n/);
  return lines.flatMap((line) => {
    const plain = line.replace(/\s+#.*$|^#.*$/, '').replace(/\s--hash=\S+/g, '');
    const [, name, version, marker] = PINNED.exec(plain.trim()) ?? [];
    if (name === undefined || version === undefined) return [];
    if (marker !== undefined && evaluateMarker(marker, environment) !== true) return [];
    return [{ name: normalizeName(name), version }];
  });
}

/** PEP 503: PyPI knows one package by `Typing_Extensions` and `typing-extensions`. */
export function normalizeName(name: string): string {
  return name.replace(/[-_.]+/g, '-').toLowerCase();
}
