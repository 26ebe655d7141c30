import { type Answers, slugify } from './answers.ts';
import { formatCommands, formatTool } from './commands.ts';
import { compileTemplate } from './compile-template.ts';
import {
  composeEgress,
  composeEnvExample,
  composePackageJson,
  composePackageLock,
  insertSections,
} from './compose.ts';
import { composeManagerFiles } from './compose-manager.ts';
import { json, md, py, sh, toml, ts, UserText, yaml } from './escape.ts';
import type { StackTemplate } from './stacks.ts';
import {
  type FileEntry,
  type FileTree,
  sortTree,
  type TemplateFile,
  type TemplateTree,
} from './tree.ts';

/** What git would obey where the template lies, and its name in the project. */
const RENAMES: ReadonlyMap<string, string> = new Map([['gitignore', '.gitignore']]);

const TEMPLATE_SUFFIX = '.ejs';
const README = 'README.md';

/**
 * The project that these answers are: the same answers, template and version give the same bytes.
 *
 * @param version the tool's own version, which the project's README pins
 * @throws Error when the template is empty, names an unknown variable, or would show a user's text
 *   without an escaper
 */
export function render(answers: Answers, template: StackTemplate, version: string): FileTree {
  if (template.files.size === 0) throw new Error(`the template ${template.name} has no files`);
  const context = createContext(answers, template, version);
  const slug = context.slug;
  const manifest = template.files.get('package.json')?.text ?? '{}';
  const manager = composeManagerFiles(answers.packageManager, manifest);
  const composed = {
    '.env.example': composeEnvExample(answers, template.manifest),
    ...manager.files,
  };
  const entries: [string, FileEntry][] = Object.entries(composed).map(([path, text]) => [
    path,
    { text, mode: 0o644 },
  ]);
  for (const [path, file] of template.files) {
    if (path === 'package-lock.json' && answers.packageManager !== 'npm') continue;
    const name = renamePath(path);
    const text = renderFile(path, file);
    entries.push([name, { text: name === README ? addSections(text) : text, mode: file.mode }]);
  }
  return sortTree(entries);

  function addSections(readme: string): string {
    const sections = template.sections ?? [];
    return insertSections(
      readme,
      sections.map(([path, file]) => renderFile(path, file)),
    );
  }

  function renderFile(path: string, file: TemplateFile): string {
    const { text } = file;
    if (path.endsWith(TEMPLATE_SUFFIX)) return renderTemplate(path, file, context);
    if (path === 'package.json') return composePackageJson(text, slug);
    if (path === 'gitignore') return text + manager.ignored.map((line) => `${line}\n`).join('');
    if (path === 'package-lock.json') return composePackageLock(text, slug);
    return text;
  }
}

function renamePath(path: string): string {
  const name = path.endsWith(TEMPLATE_SUFFIX) ? path.slice(0, -TEMPLATE_SUFFIX.length) : path;
  return RENAMES.get(name) ?? name;
}

function renderTemplate(path: string, file: TemplateFile, context: RenderContext): string {
  try {
    const fill = file.fill ?? compileTemplate(path, file.text);
    return fill(context, printValue);
  } catch (error) {
    throw new Error(`the template ${path} does not render: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** As it is, unlike in HTML: the escapers know the language of the file. */
function printValue(value: unknown): string {
  if (value === undefined || value === null) throw new Error('a value is missing');
  return String(value);
}

type RenderContext = ReturnType<typeof createContext>;

/** What a template sees: opaque user text, the escapers that open it, and plain facts. */
function createContext(answers: Answers, template: StackTemplate, version: string) {
  const { manifest, files, wiring = [], egress = [] } = template;
  const tool = formatTool(version, false);
  return {
    name: new UserText(answers.name),
    model: new UserText(answers.model),
    baseUrl: new UserText(answers.baseUrl),
    json,
    md,
    py,
    sh,
    toml,
    ts,
    yaml,
    slug: slugify(answers.name, dependencyNames(manifest.dependencies, files)),
    version,
    packageManager: answers.packageManager,
    dependencies: manifest.dependencies ?? [],
    devDependencies: manifest.devDependencies ?? [],
    wiring,
    egress: () => composeEgress(answers.baseUrl, egress),
    commands: formatCommands(manifest, answers.packageManager),
    toolDev: `${tool} dev`,
    toolStart: `${tool} start`,
    startArgv: `[${manifest.commands.start.map(json).join(', ')}]`,
  };
}

/** Names that the project itself must not have. */
function dependencyNames(python: readonly string[] = [], files: TemplateTree): string[] {
  const manifest = files.get('package.json');
  const parsed = manifest ? (JSON.parse(manifest.text) as Record<string, object>) : {};
  return [
    ...python.map((requirement) => requirement.replace(/[^A-Za-z0-9._-].*$/, '').toLowerCase()),
    ...Object.keys(parsed.dependencies ?? {}),
    ...Object.keys(parsed.devDependencies ?? {}),
  ];
}
