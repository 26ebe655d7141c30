import { CliError } from '../core/errors.ts';
import type { Address } from '../effects/choose-address.ts';
import { removeDevAddress, writeDevAddress } from '../effects/dev-address.ts';
import { startProgram } from '../effects/exec.ts';
import { formatInstall, type Project } from '../effects/find-project.ts';
import { withProjectPath } from '../effects/resolve-program.ts';
import { listenForStop } from '../effects/stop-requests.ts';
import { type Outcome, type StopPolicy, superviseProgram } from '../effects/supervise.ts';
import { waitUntilReady } from '../effects/wait-ready.ts';

export interface ServerRun {
  readonly project: Project;
  /** With the program already resolved. */
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly address: Address;
  readonly policy: StopPolicy;
  /** Once it answers. An error ends the server and is thrown again; the signal, that it ends. */
  readonly onReady: (signal: AbortSignal) => void | Promise<void>;
  /** When it has not answered for some seconds: a watcher may wait where its server has ended. */
  readonly onLate?: () => Promise<void>;
  /** When it has not answered for a minute. */
  readonly onSlow: () => void;
}

export interface RunEnd {
  readonly outcome: Outcome;
  readonly wasReady: boolean;
}

const LATE_MS = 3000;
const SLOW_MS = 60_000;

/** Runs a project's server to its end; whatever ends it, nothing of it is left. */
export async function runServer(run: ServerRun): Promise<RunEnd> {
  const { project, address } = run;
  const program = startProgram(run.argv, { cwd: project.directory, env: run.env });
  if (program.pid === undefined) throw brokenInstall(project, (await program.ended).description);
  const requests = listenForStop();
  const over = new AbortController();
  void requests.asked.then(() => over.abort());

  let wasReady = false;
  let failure: { readonly error: unknown } | undefined;
  const greet = async (): Promise<void> => {
    const late = setTimeout(() => void run.onLate?.(), LATE_MS);
    const slow = { afterMs: SLOW_MS, say: run.onSlow };
    await waitUntilReady(address.url, over.signal, slow).finally(() => clearTimeout(late));
    wasReady = true;
    await writeDevAddress(project.directory, address.url);
    await run.onReady(over.signal);
  };
  const greeting = greet().catch((error: unknown) => {
    // What the end itself interrupts is no failure.
    if (over.signal.aborted) return;
    failure = { error };
    requests.stop();
  });

  try {
    const outcome = await superviseProgram(program, run.policy, requests);
    over.abort();
    await greeting;
    if (failure) throw failure.error;
    return { outcome, wasReady };
  } finally {
    requests.dispose();
    await removeDevAddress(project.directory);
  }
}

/** A console script names the folder that it was installed in, and does not start from another. */
function brokenInstall(project: Project, description: string): CliError {
  const folder = project.manifest.language === 'python' ? '.venv' : 'node_modules';
  return new CliError(
    `The server cannot be started: ${description}, or what it runs with was not.`,
    {
      hint: `Was the project moved? Remove ${folder} and install it again: ${formatInstall(project)}`,
    },
  );
}

/** What every server is started with: its address, its own programs, and no empty setting. */
export function serverEnv(
  project: Project,
  { host, port }: Address,
  extra: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  const env = withProjectPath(project, { ...process.env, ...extra, HOST: host, PORT: `${port}` });
  // Empty means unset; but to a reader of .env an empty variable may hide the one in the file.
  for (const { name } of project.manifest.env) if (env[name] === '') delete env[name];
  return env;
}

/** The environment that makes a server talk to a mock, and not through a proxy. */
export function pointAt(mockUrl: string): NodeJS.ProcessEnv {
  const direct = (name: string): string =>
    [process.env[name], new URL(mockUrl).hostname].filter(Boolean).join(',');
  return {
    OPENAI_BASE_URL: mockUrl,
    OPENAI_API_KEY: 'mock',
    NO_PROXY: direct('NO_PROXY'),
    no_proxy: direct('no_proxy'),
  };
}
