import { usageError } from '../core/errors.ts';
import {
  LAYOUTS,
  type Language,
  type Layout,
  languageOf,
  type StackName,
  stackOf,
} from '../core/stacks.ts';
import type { Asker } from '../effects/ask.ts';
import type { CreateFlags } from './create.ts';

/** The stack that the flags name, or the one question and the language that goes with it. */
export async function chooseStack(flags: CreateFlags, ask: Asker | undefined): Promise<StackName> {
  const { template } = flags;
  if (template && !isLayout(template)) return checkLanguage(template, flags.language);
  const layout =
    template ??
    (await ask?.choice('Async production or simple prototype?', LAYOUT_CHOICES)) ??
    'async';
  const language =
    flags.language ?? (await ask?.choice('Which language?', languageChoices(layout))) ?? 'python';
  return stackOf(layout, language);
}

function isLayout(template: Layout | StackName): template is Layout {
  return (LAYOUTS as readonly string[]).includes(template);
}

function checkLanguage(stack: StackName, language: Language | undefined): StackName {
  if (!language || languageOf(stack) === language) return stack;
  throw usageError(
    `--template ${stack} is ${languageOf(stack)}, and --language says ${language}.`,
    'Drop --language, or choose a layout: --template async or --template simple.',
  );
}

const LAYOUT_CHOICES = [
  {
    value: 'async',
    name: 'Async production',
    description: 'Many calls at once, streaming, validation, OpenAPI.',
  },
  {
    value: 'simple',
    name: 'Simple prototype',
    description: 'One file that you read in a minute.',
  },
] as const;

function languageChoices(layout: Layout) {
  const [python, typescript] =
    layout === 'async' ? ['FastAPI on Uvicorn', 'Fastify'] : ['Flask on Gunicorn', 'Express'];
  return [
    { value: 'python', name: `Python: ${python}` },
    { value: 'typescript', name: `TypeScript: ${typescript}` },
  ] as const;
}
