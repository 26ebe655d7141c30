import type { Answers } from './answers.ts';
import type { StackManifest } from './stacks.ts';

/**
 * `.env.example`: every variable of the stack with its comment. What has a default is commented out
 * with that value, so that a copy says only what somebody decided: a `PORT=8000` that nobody chose
 * would be taken for a choice, and would outlive a new default.
 */
export function composeEnvExample(
  answers: Pick<Answers, 'model' | 'baseUrl'>,
  manifest: Pick<StackManifest, 'env'>,
): string {
  const own: Readonly<Record<string, string>> = {
    LLM_MODEL: answers.model,
    OPENAI_BASE_URL: answers.baseUrl,
  };
  const intro =
    '# Copy to .env, and uncomment what you change. The real environment wins over this file.\n';
  const lines = manifest.env.map(({ name, value, comment }) => {
    const initial = own[name] ?? value;
    return `\n# ${comment}\n${initial === '' ? '' : '#'}${name}=${initial}\n`;
  });
  return intro + lines.join('');
}

/**
 * What the server calls, as the ports of a NetworkPolicy: the provider, wherever it is, a provider on
 * the internet, which a project with a local one gets sooner or later, and what its add-ons call.
 */
export function composeEgress(baseUrl: string, ports: readonly number[]): string {
  const { port, protocol } = new URL(baseUrl);
  const provider = Number(port) || (protocol === 'http:' ? 80 : 443);
  const all = [...new Set([443, provider, ...ports])].sort((a, b) => a - b);
  return `[${all.map((each) => `{ protocol: TCP, port: ${each} }`).join(', ')}]`;
}

/** The template's `package.json` under the project's name. */
export function composePackageJson(text: string, name: string): string {
  return formatJson({ ...parseObject(text), name });
}

/** How npm begins a lock: with the project's name, which it says again for the root package. */
const LOCK_NAMES =
  /^(\{\s*"name":\s*)"[^"]*"([^{}]*"packages":\s*\{\s*"":\s*\{\s*"name":\s*)"[^"]*"/;

/** In place: to parse and format thousands of lines for two names takes longer than all the rest. */
export function composePackageLock(text: string, name: string): string {
  const quoted = JSON.stringify(name);
  const [start, head, between] = LOCK_NAMES.exec(text) ?? [];
  if (start === undefined) throw new Error('package-lock.json does not begin as npm writes it');
  return head + quoted + between + quoted + text.slice(start.length);
}

/** Sections of add-ons, before the last one of a README: behind it people write their own. */
export function insertSections(readme: string, sections: readonly string[]): string {
  if (sections.length === 0) return readme;
  const last = readme.lastIndexOf('\n## ');
  const place = last < 0 ? readme.length : last + 1;
  const text = sections.map((section) => `${section.trim()}\n\n`).join('');
  return readme.slice(0, place) + text + readme.slice(place);
}

export function formatJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function parseObject(text: string): Record<string, unknown> {
  return JSON.parse(text) as Record<string, unknown>;
}
