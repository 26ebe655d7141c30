import type { Answers } from './answers.ts';
import { formatJson } from './compose.ts';
import { CliError } from './errors.ts';
import { STACKS } from './stacks.ts';
import { type FileEntry, type FileTree, sortTree } from './tree.ts';

/**
 * The project's memory of how it was made, committed with it: `project.json` holds the tool's
 * version and the answers, `base.json` the files as rendered. It is one JSON file, not a folder of
 * copies, so that linters, test runners and search do not meet every file twice.
 */
export const RECORD_DIRECTORY = '.llm-api';
export const PROJECT_FILE = `${RECORD_DIRECTORY}/project.json`;
export const BASE_FILE = `${RECORD_DIRECTORY}/base.json`;

/** Raised when the shape of the two files changes. */
const RECORD_FORMAT = 1;

export interface ProjectRecord {
  /** The version of create-llm-api that wrote it. */
  readonly version: string;
  readonly answers: Answers;
}

/** The two files of the record for a project rendered as `base`. */
export function formatRecord({ version, answers }: ProjectRecord, base: FileTree): FileTree {
  const files = [...base].map(([path, { text, mode }]) => [path, { text, mode: mode.toString(8) }]);
  const asEntry = (value: unknown): FileEntry => ({ text: formatJson(value), mode: 0o644 });
  return sortTree([
    [PROJECT_FILE, asEntry({ format: RECORD_FORMAT, version, answers })],
    [BASE_FILE, asEntry({ format: RECORD_FORMAT, files: Object.fromEntries(files) })],
  ]);
}

/**
 * @param text of `.llm-api/project.json`
 * @throws CliError when it is not JSON, of a newer format, or names no stack that we know
 */
export function parseProject(text: string): ProjectRecord {
  const record = parseFormat(text, PROJECT_FILE) as unknown as ProjectRecord;
  if (!STACKS.some((stack) => stack.name === record.answers?.stack)) {
    throw new CliError(`${PROJECT_FILE} names no stack that this version knows.`, {
      hint: 'Was it edited by hand? Restore it from git.',
    });
  }
  return record;
}

/** @throws CliError as parseProject */
export function parseBase(text: string): FileTree {
  const { files } = parseFormat(text, BASE_FILE) as {
    files?: Record<string, { text: string; mode: string }>;
  };
  const entries = Object.entries(files ?? {}).map(
    ([path, file]) => [path, { text: file.text, mode: Number.parseInt(file.mode, 8) }] as const,
  );
  return sortTree(entries);
}

function parseFormat(text: string, path: string): Record<string, unknown> {
  let value: Record<string, unknown> | null;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CliError(`${path} is not JSON.`, { hint: 'Restore it from git.', cause });
  }
  if (value?.format === RECORD_FORMAT) return value;
  throw new CliError(`${path} has a format that this version does not read.`, {
    hint: 'Run the newest version: npx -p create-llm-api@latest llm-api …',
  });
}
