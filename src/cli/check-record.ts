import { good, type Judgement, skipped } from '../core/doctor.ts';
import { judgeFiles } from '../core/doctor-files.ts';
import { CliError } from '../core/errors.ts';
import { BASE_FILE, parseBase } from '../core/record.ts';
import type { FileTree } from '../core/tree.ts';
import { compareVersions } from '../core/versions.ts';
import { formatFrom, type Project } from '../effects/find-project.ts';
import { readDisk } from '../effects/project.ts';
import type { Check } from './doctor-check.ts';
import { VERSION } from './version.ts';

/** The project's memory of how it was made, and what became of the files since. */
export function recordChecks(project: Project, tool: string): readonly Check[] {
  const { directory, record } = project;
  return [
    {
      name: 'record',
      run: async () => {
        const base = await readBase(project);
        if (base instanceof CliError) throw base;
        const made = `made by create-llm-api ${record.version}`;
        if (compareVersions(VERSION, record.version) <= 0) return good(made);
        return good(`${made}; "${tool} upgrade --check" says what ${VERSION} would change`);
      },
    },
    {
      name: 'files',
      run: async (): Promise<Judgement> => {
        const base = await readBase(project);
        if (base instanceof CliError) return skipped('the record does not say how they were');
        return judgeFiles(base, await readDisk(directory, base.keys()));
      },
    },
  ];
}

async function readBase(project: Project): Promise<FileTree | CliError> {
  const file = (await readDisk(project.directory, [BASE_FILE])).get(BASE_FILE);
  if (!file) {
    return new CliError(`${BASE_FILE} is not there`, {
      hint: formatFrom(project, `git restore ${BASE_FILE}`),
    });
  }
  try {
    return parseBase(file.text);
  } catch (error) {
    if (error instanceof CliError) return error;
    throw error;
  }
}
