import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import {
  type Language,
  type Layout,
  languageOf,
  layoutOf,
  type StackName,
} from '../../src/core/stacks.ts';
import { type Mock, type MockOptions, startMock } from '../../src/mock/index.ts';
import { removeCopies } from './copy.ts';
import { RETRY_AFTER, serverEnvironment } from './environment.ts';
import {
  type Answer,
  begin,
  type Call,
  generate,
  type OpenAnswer,
  open,
  type Sent,
  send,
} from './http.ts';
import { startOwnServer } from './own.ts';
import { stopAllPrograms } from './program.ts';
import type { Project } from './projects.ts';
import { keepServer, type Server, startServer } from './server.ts';

/** One server under test, with the upstream it calls. Ready once the tests of its block run. */
export interface Api {
  readonly stack: StackName;
  readonly layout: Layout;
  readonly mock: Mock;
  readonly url: string;
  send(sent: Sent): Promise<Answer>;
  /** POST /generate with these fields; the prompt is one of ours unless they have another. */
  generate(fields?: Readonly<Record<string, unknown>>, headers?: Sent['headers']): Promise<Answer>;
  /** The same with `"stream": true`, at the head of the answer. */
  stream(
    fields?: Readonly<Record<string, unknown>>,
    headers?: Sent['headers'],
  ): Promise<OpenAnswer>;
  /** POST /generate with these fields, on its way. */
  begin(fields?: Readonly<Record<string, unknown>>, headers?: Sent['headers']): Call;
  /** What the server wrote so far. */
  output(): string;
}

export interface Needs {
  readonly layout?: Layout;
  readonly language?: Language;
  /** On top of what every server is started with; such tests need a server of their own. */
  readonly env?: Readonly<Record<string, string>>;
  /** `dev` of our tool unless told; `own` is the project's own `start`, without the tool. */
  readonly command?: 'dev' | 'start' | 'own';
  /** Seconds that the mock's `rate-limited` asks for. */
  readonly retryAfter?: number;
  /** For tests that read what the server wrote. */
  readonly output?: true;
}

const target = inject('target');

// Of the whole file: whatever a failed test left behind.
afterAll(async () => {
  await stopAllPrograms();
  await removeCopies();
});

/** A block of tests for each server, with a process and a mock of its own, servers side by side. */
export function describeServers(title: string, needs: Needs, define: (api: Api) => void): void {
  if (target.kind === 'projects') {
    describeProjects(title, needs, (project) => define(useProject(project, needs)));
    return;
  }
  const { url, stack, mockPort } = target;
  // These need a server of their own; the name of what is skipped says so.
  const { env, command, output, retryAfter } = needs;
  const possible = fits(stack, needs) && !env && !command && !output && !retryAfter;
  const name = possible ? `${title} (${url})` : `${title}: not possible at a URL`;
  describe.skipIf(!possible)(name, () => define(useUrl(url, stack, mockPort)));
}

/** A block of tests for each project: for what a running server cannot show. */
export function describeProjects(
  title: string,
  needs: Pick<Needs, 'layout' | 'language'>,
  define: (project: Project) => void,
): void {
  const projects = target.kind === 'projects' ? target.projects : [];
  const chosen = projects.filter(({ stack }) => fits(stack, needs));
  for (const project of chosen) {
    describe.concurrent(project.stack, () => {
      describe.sequential(title, () => {
        if ('directory' in project) define(project);
        else test('was made', () => expect.fail(project.problem));
      });
    });
  }
  // A file without a test is an error to vitest.
  if (chosen.length === 0) describe.skip(`${title}: no project to start`, () => {});
}

function useProject({ stack, directory }: Project, needs: Needs): Api {
  let server: Server | undefined;
  const { command = 'dev', retryAfter } = needs;
  const mock = { port: 0, ...(retryAfter && { retryAfter }) };
  const { api, start } = useMock(stack, mock, () => ({
    url: server?.url ?? '',
    output: server?.program.output() ?? '',
  }));
  beforeAll(async () => {
    const env = { ...serverEnvironment(await start()), ...needs.env };
    server =
      command === 'own'
        ? keepServer(await startOwnServer(directory, env))
        : await startServer({ directory, command, env });
  });
  afterAll(() => server?.stop());
  return api;
}

function useUrl(url: string, stack: StackName, mockPort: number): Api {
  const { api, start } = useMock(stack, { port: mockPort }, () => ({ url, output: '' }));
  beforeAll(start);
  return api;
}

/** A mock for the tests of a block, and the api on top of it; `start` resolves to its URL. */
function useMock(
  stack: StackName,
  options: MockOptions,
  server: () => { readonly url: string; readonly output: string },
): { api: Api; start: () => Promise<string> } {
  let mock: Mock | undefined;
  beforeEach(() => mock?.reset());
  afterAll(() => mock?.close());
  const api: Api = {
    stack,
    layout: layoutOf(stack),
    get mock() {
      if (!mock) throw new Error('the mock is there only while the tests of its block run');
      return mock;
    },
    get url() {
      return server().url;
    },
    send: (sent) => send(server().url, sent),
    generate: (fields, headers) => send(server().url, generate(fields, headers)),
    stream: (fields, headers) => open(server().url, generate({ stream: true, ...fields }, headers)),
    begin: (fields, headers) => begin(server().url, generate(fields, headers)),
    output: () => server().output,
  };
  const start = async (): Promise<string> => {
    mock = await startMock({ retryAfter: RETRY_AFTER, ...options });
    return mock.url;
  };
  return { api, start };
}

function fits(stack: StackName, { layout, language }: Needs): boolean {
  return (!layout || layoutOf(stack) === layout) && (!language || languageOf(stack) === language);
}
