export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** What can follow the name of a command. Words are ours, and need no quotes in any shell. */
export interface CompletableCommand {
  readonly name: string;
  readonly description: string;
  readonly options: readonly CompletableOption[];
  /** The arguments that it knows; for others a shell offers files. */
  readonly words: readonly string[];
}

interface CompletableOption {
  /** `-t` and `--template`. */
  readonly flags: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  /** The values that it knows. */
  readonly words: readonly string[];
}

/** A script that completes the commands, options and known words of `llm-api` in a shell. */
export function formatCompletion(shell: Shell, commands: readonly CompletableCommand[]): string {
  return shell === 'fish' ? formatFish(commands) : formatBash(shell, commands);
}

function formatBash(shell: 'bash' | 'zsh', commands: readonly CompletableCommand[]): string {
  const values = commands.flatMap(({ name, options }) =>
    options
      .filter(({ words }) => words.length > 0)
      .map(({ flags, words }) => {
        const patterns = flags.map((flag) => `'${name} ${flag}'`).join(' | ');
        return `    ${patterns}) words='${words.join(' ')}' ;;`;
      }),
  );
  const takesValue = commands.flatMap(({ name, options }) =>
    options
      .filter(({ words, takesValue }) => takesValue && words.length === 0)
      .flatMap(({ flags }) => flags.map((flag) => `'${name} ${flag}'`)),
  );
  const options = commands.map(({ name, options, words }) => {
    const all = [...words, ...options.flatMap(({ flags }) => flags.filter(isLong))];
    return `        ${name}) words='${all.join(' ')}' ;;`;
  });
  const names = commands.map(({ name }) => name).join(' ');
  return `# Completes llm-api in ${shell}: eval "$(llm-api completion ${shell})"
${shell === 'zsh' ? 'autoload -U +X compinit && compinit -u\nautoload -U +X bashcompinit && bashcompinit\n' : ''}_llm_api() {
  local word="\${COMP_WORDS[COMP_CWORD]}" command="\${COMP_WORDS[1]}" words=
  case "$command \${COMP_WORDS[COMP_CWORD - 1]}" in
${values.join('\n')}
    ${takesValue.join(' | ')}) ;;
    *)
      case "$command" in
${options.join('\n')}
      esac
      [ "$COMP_CWORD" -gt 1 ] || words='${names} --help --version'
      ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _llm_api llm-api
`;
}

function formatFish(commands: readonly CompletableCommand[]): string {
  const lines = commands.flatMap(({ name, description, options, words }) => {
    const here = `complete -c llm-api -n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c llm-api -f -n __fish_use_subcommand -a ${name} -d ${quote(description)}`,
      ...(words.length > 0 ? [`${here} -f -a '${words.join(' ')}'`] : []),
      ...options.map((option) => `${here} ${formatFishOption(option)}`),
    ];
  });
  return `# Completes llm-api in fish: llm-api completion fish | source\n${lines.join('\n')}\n`;
}

function formatFishOption({ flags, description, takesValue, words }: CompletableOption): string {
  const names = flags.map((flag) => (isLong(flag) ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const value = words.length > 0 ? [`-x -a '${words.join(' ')}'`] : takesValue ? ['-r'] : [];
  return [...names, ...value, `-d ${quote(description)}`].join(' ');
}

function isLong(flag: string): boolean {
  return flag.startsWith('--');
}

/** In fish a backslash and a quote are all that means something between quotes. */
function quote(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
