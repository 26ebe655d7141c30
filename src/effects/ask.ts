import inquirer from 'inquirer';
import { CliError, EXIT } from '../core/errors.ts';

interface Choice<Value> {
  readonly value: Value;
  readonly name: string;
  readonly description?: string;
}

/** What is wrong with a text, or undefined when nothing is. */
type Check = (text: string) => string | undefined | Promise<string | undefined>;

/** Questions to a person in a terminal, before anything is written. Ctrl-C at any of them is a CliError with exit code 130. */
export interface Asker {
  text(message: string, initial: string, check: Check): Promise<string>;
  choice<Value>(message: string, choices: readonly Choice<Value>[]): Promise<Value>;
  /** None, one or more, in the order they are listed. */
  choices<Value>(
    message: string,
    choices: readonly Choice<Value>[],
    check: (values: readonly Value[]) => string | undefined,
  ): Promise<readonly Value[]>;
  /** Typed text is shown as stars. */
  secret(message: string, check: Check): Promise<string>;
  confirm(message: string, initial: boolean): Promise<boolean>;
}

export function createAsker(output: NodeJS.WriteStream): Asker {
  const prompt = inquirer.createPromptModule({ output });
  type Question = Parameters<typeof prompt>[0];
  const ask = async <Value>(question: object): Promise<Value> => {
    try {
      const answers = await prompt([{ name: 'value', ...question }] as unknown as Question);
      return (answers as unknown as { value: Value }).value;
    } catch (error) {
      if ((error as Error).name !== 'ExitPromptError') throw error;
      throw new CliError('Cancelled: nothing was written.', {
        exitCode: EXIT.cancelled,
        cause: error,
      });
    }
  };
  const validate = (check: Check) => async (text: string) => (await check(text)) ?? true;
  return {
    text: (message, initial, check) =>
      ask({ type: 'input', message, default: initial, validate: validate(check) }),
    choice: (message, choices) => ask({ type: 'select', message, choices, loop: false }),
    choices: <Value>(
      message: string,
      choices: readonly Choice<Value>[],
      check: (values: readonly Value[]) => string | undefined,
    ) => {
      const validate = (ticked: readonly Choice<Value>[]) =>
        check(ticked.map(({ value }) => value)) ?? true;
      return ask<readonly Value[]>({ type: 'checkbox', message, choices, validate, loop: false });
    },
    secret: (message, check) =>
      ask({ type: 'password', message, mask: '*', validate: validate(check) }),
    confirm: (message, initial) => ask({ type: 'confirm', message, default: initial }),
  };
}
