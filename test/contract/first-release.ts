import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { formatJson } from '../../src/core/compose.ts';
import type { StackName } from '../../src/core/stacks.ts';
import type { Edits } from '../harness/older-project.ts';

interface Recorded {
  readonly project: object;
  readonly base: { readonly files: Readonly<Record<string, { readonly text: string }>> };
}

const FIXTURE = fileURLToPath(new URL('../fixtures/first-release.json.gz', import.meta.url));

/** A project as the first release made it. @returns its folder, and its files */
export async function makeFirstRelease(stack: StackName) {
  const all: Record<StackName, Recorded> = JSON.parse(
    gunzipSync(await readFile(FIXTURE)).toString(),
  );
  const { project, base } = all[stack];
  const directory = join(await mkdtemp(join(tmpdir(), 'contract-history-')), 'app');
  const files = Object.fromEntries(
    Object.entries(base.files).map(([path, { text }]) => [path, text]),
  );
  const written = {
    ...files,
    '.llm-api/project.json': formatJson(project),
    '.llm-api/base.json': formatJson(base),
  };
  for (const [path, text] of Object.entries(written)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
  return { directory, files };
}

const insert = (mark: string | RegExp, lines: string) => (text: string) => {
  const found = typeof mark === 'string' ? mark : (mark.exec(text)?.[0] ?? '');
  if (found === '' || !text.includes(found)) throw new Error(`nothing like ${mark} is there`);
  return text.replace(found, () => `${found}${lines}`);
};
const windows = (text: string): string => text.replaceAll('\n', '\r\n');

/** What both Python and TypeScript people did: documents, variables, line ends, a file put away. */
const COMMON: Edits = {
  'README.md': (text) =>
    `${text.replace('## Run it', '## How to run it, in our team')}\n## Mine\n\nAsk in #search first.\n`,
  '.env.example': (text) => `${text}\n# Whose bill it is on. (mine)\nTEAM=search\n`,
  '.gitignore': (text) => `${text}.idea/\n`,
};

/**
 * Months of work on it: a route with its test, a setting, a file that was moved and changed, another
 * format. Each line of theirs says "mine" or is named in `keeps`.
 */
export const EDITS: Readonly<
  Record<StackName, (files: Readonly<Record<string, string>>) => Edits>
> = {
  fastapi: (files) => ({
    ...COMMON,
    'AGENTS.md': null,
    'docs/AGENTS.md': windows(files['AGENTS.md'] ?? ''),
    'app/mine.py': `"""Mine: how many words a text has. No model is asked."""

from fastapi import APIRouter
from pydantic import BaseModel

router = APIRouter()


class Text(BaseModel):
    text: str


@router.post("/count")
async def count(body: Text) -> dict[str, int]:
    return {"words": len(body.text.split())}
`,
    'app/main.py': (text) =>
      insert(
        '    app.include_router(router)\n',
        '    app.include_router(mine)\n',
      )(
        insert(
          'from app.settings import Settings\n',
          'from app.mine import router as mine\n',
        )(text),
      ),
    'app/settings.py': insert(/ {4}log_level: .*\n/, '    team: str = "mine"\n'),
    'tests/test_stream.py': null,
    'tests/mine/__init__.py': '',
    'tests/mine/test_stream.py': `# mine: moved here\n${files['tests/test_stream.py']}`,
    'tests/mine/test_count.py': `from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings


def test_mine() -> None:
    settings = Settings(_env_file=None)
    assert settings.team == "mine"
    client = TestClient(create_app(settings))
    assert client.post("/count", json={"text": "a b c"}).json() == {"words": 3}
`,
  }),
  flask: (files) => ({
    ...COMMON,
    'AGENTS.md': null,
    'docs/AGENTS.md': windows(files['AGENTS.md'] ?? ''),
    'app.py': (text) =>
      insert(
        / {4}max_body_bytes: .*\n/,
        '    team: str = "mine"\n',
      )(
        insert(
          '        return {"status": "ok"}\n',
          '\n    @app.get("/mine")\n    def mine() -> Answer:\n        return {"mine": settings.team}\n',
        )(text),
      ),
    'tests/test_app.py': null,
    'tests/mine/test_app.py': (files['tests/test_app.py'] ?? '').replace('# ', '# mine: '),
    'tests/mine/test_mine.py': `from app import Settings, create_app


def test_mine() -> None:
    client = create_app(Settings(_env_file=None)).test_client()
    assert client.get("/mine").json == {"mine": "mine"}
`,
  }),
  fastify: (files) => ({
    ...COMMON,
    'AGENTS.md': null,
    'docs/AGENTS.md': windows(files['AGENTS.md'] ?? ''),
    'package.json': reformatPackage,
    'src/mine.ts': `import type { FastifyInstance } from 'fastify';

export function addMine(app: FastifyInstance): void {
  app.get('/mine', { schema: { hide: true } }, async () => ({ mine: true }));
}
`,
    'src/app.ts': (text) =>
      insert(
        'await addOpenApi(app);\n',
        '  addMine(app);\n',
      )(
        insert(
          "import { createMetrics } from './metrics.js';\n",
          "import { addMine } from './mine.js';\n",
        )(text),
      ),
    'test/stream.test.ts': null,
    'test/mine/stream.test.ts': (files['test/stream.test.ts'] ?? '')
      .replaceAll("'./", "'../")
      .replace('\ntest(', '\n// mine: moved here\ntest('),
    'test/mine/mine.test.ts': `import { expect, test } from 'vitest';
import { buildApp } from '../../src/app.js';
import { readSettings } from '../../src/settings.js';

test('mine', async () => {
  const app = await buildApp(readSettings({ LOG_LEVEL: 'error' }));
  expect((await app.inject('/mine')).json()).toEqual({ mine: true });
  await app.close();
});
`,
  }),
  express: (files) => ({
    ...COMMON,
    'AGENTS.md': null,
    'docs/AGENTS.md': windows(files['AGENTS.md'] ?? ''),
    'package.json': reformatPackage,
    'server.ts': insert(
      /\n {2}app\.get\('\/healthz'.*\n(?: {4}.*\n| {2}\}\);\n)*/,
      "  app.get('/mine', (_req, res) => {\n    res.json({ mine: true });\n  });\n",
    ),
    'server.test.ts': null,
    'test/mine/server.test.ts': (files['server.test.ts'] ?? '')
      .replaceAll("'./server.js'", "'../../server.js'")
      .replace('\nlet ', '\n// mine: moved here\nlet '),
    'test/mine/mine.test.ts': `import { once } from 'node:events';
import { expect, it } from 'vitest';
import { createApp, readSettings } from '../../server.js';

it('is mine', async () => {
  const server = createApp(readSettings({})).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const answer = await fetch(\`http://127.0.0.1:\${port}/mine\`);
  expect(await answer.json()).toEqual({ mine: true });
  server.close();
});
`,
  }),
};

/** Another order and indentation, and a script. */
function reformatPackage(text: string): string {
  const { scripts, ...rest } = JSON.parse(text);
  return `${JSON.stringify({ scripts: { mine: 'echo mine', ...scripts }, ...rest }, null, '\t')}\n`;
}
