import type { MarkerEnvironment } from '../core/markers.ts';
import { normalizeName } from '../core/requirements.ts';
import { runProgram } from './exec.ts';

/** What a Python says of itself. */
export interface PythonFacts {
  readonly markers: MarkerEnvironment;
  /** Version by name, as PyPI compares names. */
  readonly installed: ReadonlyMap<string, string>;
  /** Debian's comes without what makes a venv that has pip. */
  readonly makesVenvs: boolean;
}

/** Where a package is twice, the first on the path is the one that Python imports. */
const SCRIPT = `
import importlib.metadata, importlib.util, json, os, platform, sys
installed = {}
for dist in importlib.metadata.distributions():
    if dist.metadata["Name"]:
        installed.setdefault(dist.metadata["Name"], dist.version)
print(json.dumps({
    "installed": installed,
    "makesVenvs": importlib.util.find_spec("ensurepip") is not None,
    "markers": {
        "implementation_name": sys.implementation.name,
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "python_full_version": platform.python_version(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    },
}))
`;

/**
 * Asks a Python, without its user's own packages and settings.
 * @returns undefined where it does not start
 */
export async function readPython(
  program: string,
  signal: AbortSignal,
): Promise<PythonFacts | undefined> {
  const { ok, output } = await runProgram([program, '-I', '-c', SCRIPT], { cwd: '.', signal });
  const json = output.split('\n').findLast((line) => line.startsWith('{'));
  if (!ok || json === undefined) return undefined;
  const { installed, ...rest } = JSON.parse(json) as Omit<PythonFacts, 'installed'> & {
    readonly installed: Readonly<Record<string, string>>;
  };
  const named = Object.entries(installed).map(
    ([name, version]) => [normalizeName(name), version] as const,
  );
  return { ...rest, installed: new Map(named) };
}
