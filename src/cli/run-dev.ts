import { CliError, EXIT } from '../core/errors.ts';
import { formatGreeting } from '../core/greeting.ts';
import { claimNearestAddress, DEFAULT_PORT, planAddress } from '../effects/choose-address.ts';
import type { Project } from '../effects/find-project.ts';
import { resolveProgram } from '../effects/resolve-program.ts';
import { readSettings, type Settings } from '../effects/settings.ts';
import type { StopPolicy } from '../effects/supervise.ts';
import type { Mock } from '../mock/index.ts';
import type { DevFlags } from './dev.ts';
import { explainPackages } from './explain-packages.ts';
import { openProject } from './open-project.ts';
import { createPrinter, type Printer } from './print.ts';
import { pointAt, type RunEnd, runServer, serverEnv } from './run-server.ts';

/** As a terminal does: Ctrl-C for every process. With what follows it is below five seconds. */
const POLICY: StopPolicy = { signal: (came) => came, whom: 'tree', graceMs: 3500 };

export async function runDev(directory: string | undefined, flags: DevFlags): Promise<void> {
  const print = createPrinter();
  const project = await openProject(directory, print);
  const settings = await readSettings(project.directory);
  const argv = await resolveProgram(project, project.manifest.commands.dev);
  const address = await claimNearestAddress(planAddress(flags, settings));
  if (address.askedBy === undefined && address.port !== DEFAULT_PORT) {
    print.note(`Port ${DEFAULT_PORT} is taken: this server takes ${address.port}.`);
  }

  const mock = await startMockIfNeeded(flags, settings);
  if (mock) print.note(explainMock(flags, mock));
  const baseUrl = settings.get('OPENAI_BASE_URL') ?? project.record.answers.baseUrl;
  try {
    const end = await runServer({
      project,
      argv,
      env: serverEnv(project, address, mock ? pointAt(mock.url) : {}),
      address,
      policy: POLICY,
      onLate: async () => {
        const packages = await explainPackages(project);
        if (packages) print.note(`No answer from ${address.url}/healthz yet. ${packages}`);
      },
      onSlow: () =>
        print.note(`No answer from ${address.url}/healthz for a minute. Still waiting for it.`),
      onReady: async (signal) => {
        const { title, layout } = project.manifest;
        const upstream = mock ? `the built-in mock, ${mock.url}` : baseUrl;
        const windows = process.platform === 'win32';
        print.say(formatGreeting({ title, layout, url: address.url, upstream, windows }));
        if (flags.ask !== undefined) await askServer(print, address.url, flags.ask, signal);
      },
    });
    process.exitCode = await judge(project, end);
  } finally {
    await mock?.close();
  }
}

/** The server is up whether or not it has an answer: the next one may come after a change. */
async function askServer(
  print: Printer,
  url: string,
  prompt: string,
  signal: AbortSignal,
): Promise<void> {
  const { requestAnswer } = await import('../effects/generate-text.ts');
  try {
    const { text } = await requestAnswer(url, { prompt }, signal);
    print.say(`> ${prompt}\n${text}\n`);
  } catch (error) {
    if (signal.aborted || !(error instanceof CliError)) throw error;
    print.note(
      `No answer: ${error.message}\n${error.hint ?? ''}\n`.replace(/\n\n$/, '\n') +
        'The server goes on. "llm-api generate" asks again; with --direct it asks the provider ' +
        'itself. After a change of .env, run this again.\n',
    );
  }
}

async function startMockIfNeeded(flags: DevFlags, settings: Settings): Promise<Mock | undefined> {
  if (!flags.mock && settings.get('OPENAI_API_KEY') !== undefined) return undefined;
  const { startMock } = await import('../mock/index.ts');
  return startMock();
}

function explainMock(flags: DevFlags, mock: Mock): string {
  if (flags.mock) return `--mock: the built-in mock answers (${mock.url}).`;
  return (
    `OPENAI_API_KEY is not set: the built-in mock answers (${mock.url}).\n` +
    'For real answers put OPENAI_API_KEY=… into .env, then run this again. ' +
    'An upstream that wants no key takes any.'
  );
}

/** @throws CliError when the end was not the one asked for */
async function judge(project: Project, { outcome, wasReady }: RunEnd): Promise<number> {
  if (outcome.how === 'stopped') return EXIT.done;
  if (outcome.how === 'ended') {
    const packages = wasReady ? undefined : await explainPackages(project);
    throw new CliError(`The server ended by itself: ${outcome.ended.description}.`, {
      hint: ['Its own last words are above.', packages].filter(Boolean).join(' '),
    });
  }
  if (outcome.why === 'insisted') return EXIT.cancelled;
  throw new CliError('The server did not end when asked to, and was killed.');
}
