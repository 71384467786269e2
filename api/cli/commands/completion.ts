/** `mill completion`: scripts for shells. They ask `mill __complete` for what fits. */
import { Argument, type Command } from 'commander';
import { examples } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import { EXIT } from '../exit.ts';

export function define(command: Command, cli: Cli): void {
  command
    .addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(SCRIPTS)))
    .addHelpText(
      'after',
      examples(
        ['source <(mill completion bash)', 'in ~/.bashrc'],
        ['source <(mill completion zsh)', 'in ~/.zshrc'],
        ['mill completion fish | source', 'in ~/.config/fish/config.fish'],
      ),
    )
    .action((shell: keyof typeof SCRIPTS) =>
      cli.run(async (session) => {
        session.print(SCRIPTS[shell]);
        return EXIT.done;
      }),
    );
}

const BASH = `# bash completion for mill
_mill() {
  local IFS=$'\\n'
  COMPREPLY=($(mill __complete words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _mill mill
`;

const ZSH = `#compdef mill
_mill() {
  local -a found
  found=("\${(@f)$(mill __complete words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${found[1]}" ]]; then compadd -- "\${found[@]}"; else _files; fi
}
compdef _mill mill
`;

const FISH = `# fish completion for mill
function __mill_complete
  set -l words (commandline -opc) (commandline -ct)
  mill __complete words -- $words[2..-1] 2>/dev/null
end
complete -c mill -a '(__mill_complete)'
`;

const SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH };
