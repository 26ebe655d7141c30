import { text as readAll } from 'node:stream/consumers';
import { formatTool } from '../core/commands.ts';
import { CliError, usageError } from '../core/errors.ts';
import { planAddress } from '../effects/choose-address.ts';
import { readDevAddress } from '../effects/dev-address.ts';
import { findProjectAt, type Project } from '../effects/find-project.ts';
import {
  type GenerateAnswer,
  type GenerateRequest,
  NobodyListens,
  requestAnswer,
  requestStream,
} from '../effects/generate-text.ts';
import { isToolOnPath } from '../effects/programs.ts';
import { readSettings, type Settings } from '../effects/settings.ts';
import type { GenerateFlags } from './generate.ts';
import { createPrinter, openOutput } from './print.ts';
import { VERSION } from './version.ts';

export async function runGenerate(prompt: string, flags: GenerateFlags): Promise<void> {
  const project = flags.url === undefined ? await findProjectAt() : undefined;
  if (project && !flags.direct) checkFlags(project, flags);
  const request = readRequest(await readPrompt(prompt), flags);
  const settings = await readSettings(project?.directory);
  const answers = await ask(request, flags, project, settings);
  await print(answers, flags);
}

/** Both ways to ask, as one stream of pieces that returns the whole answer. */
type Answers = AsyncGenerator<string, GenerateAnswer>;

async function ask(
  request: GenerateRequest,
  flags: GenerateFlags,
  project: Project | undefined,
  settings: Settings,
): Promise<Answers> {
  if (flags.direct) {
    const { askUpstream } = await import('../effects/ask-upstream.ts');
    return askUpstream(request, settings, project?.record.answers);
  }
  const url =
    flags.url ??
    (project && (await readDevAddress(project.directory))) ??
    planAddress({}, settings).url;
  return flags.stream ? requestStream(url, request) : askOnce(url, request);
}

async function* askOnce(url: string, request: GenerateRequest): Answers {
  const answer = await requestAnswer(url, request);
  yield answer.text;
  return answer;
}

async function print(answers: Answers, { json }: GenerateFlags): Promise<void> {
  const printer = createPrinter({ json: json === true });
  let open = false;
  try {
    for (;;) {
      const next = await answers.next();
      if (next.done) {
        if (json) printer.json(next.value);
        return;
      }
      if (json) continue;
      openOutput().write(printable(next.value));
      open = true;
    }
  } catch (error) {
    throw error instanceof NobodyListens ? await withWayOut(error) : error;
  } finally {
    if (open) openOutput().write('\n');
  }
}

/** In a terminal an answer is text: what would move the cursor or set the title is left out. */
function printable(text: string): string {
  return openOutput().isTTY ? text.replace(/[^\P{Cc}\t\n]/gu, '') : text;
}

async function withWayOut({ message, cause }: NobodyListens): Promise<CliError> {
  const tool = formatTool(VERSION, await isToolOnPath(process.argv[1] ?? ''));
  return new CliError(message, {
    hint: `Start the server, in another terminal: ${tool} dev`,
    cause,
  });
}

/** @throws CliError (2) for what a simple stack would refuse */
function checkFlags({ manifest }: Project, flags: GenerateFlags): void {
  if (manifest.layout === 'async') return;
  const refused = (['stream', 'system', 'model', 'maxTokens', 'temperature'] as const).find(
    (name) => flags[name] !== undefined,
  );
  if (refused === undefined) return;
  const flag = refused === 'maxTokens' ? '--max-tokens' : `--${refused}`;
  throw usageError(
    `The server of this project (${manifest.title}) takes only a prompt, and no ${flag}.`,
    'The async stacks take it; so does --direct.',
  );
}

async function readPrompt(prompt: string): Promise<string> {
  const text = prompt === '-' ? await readAll(process.stdin) : prompt;
  if (text.trim() === '') throw usageError('The prompt is empty.');
  return text;
}

function readRequest(prompt: string, flags: GenerateFlags): GenerateRequest {
  const { system, model, maxTokens, temperature } = flags;
  return {
    prompt,
    ...(system !== undefined && { system }),
    ...(model !== undefined && { model }),
    ...(maxTokens !== undefined && { max_tokens: maxTokens }),
    ...(temperature !== undefined && { temperature }),
  };
}
