import type { Answers } from './answers.ts';
import type { StackManifest } from './stacks.ts';

/** `.env.example`: every variable of the stack with its comment, the project's own defaults set. */
export function composeEnvExample(
  answers: Pick<Answers, 'model' | 'baseUrl'>,
  manifest: Pick<StackManifest, 'env'>,
): string {
  const own: Readonly<Record<string, string>> = {
    LLM_MODEL: answers.model,
    OPENAI_BASE_URL: answers.baseUrl,
  };
  const intro = '# Copy to .env and set what differs. The real environment wins over this file.\n';
  const lines = manifest.env.map(
    ({ name, value, comment }) => `\n# ${comment}\n${name}=${own[name] ?? value}\n`,
  );
  return intro + lines.join('');
}

/** The template's `package.json` under the project's name. */
export function composePackageJson(text: string, name: string): string {
  return formatJson({ ...parseObject(text), name });
}

/** npm's lock repeats the project's name twice. */
export function composePackageLock(text: string, name: string): string {
  const lock = parseObject(text);
  const packages = lock.packages as Record<string, Record<string, unknown>>;
  return formatJson({ ...lock, name, packages: { ...packages, '': { ...packages[''], name } } });
}

export function formatJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function parseObject(text: string): Record<string, unknown> {
  return JSON.parse(text) as Record<string, unknown>;
}
