/** `mill api-resources`: the kinds there are, and their names. */
import type { Command } from 'commander';
import type { KindName } from '../../kinds/index.ts';
import { examples } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import { EXIT } from '../exit.ts';
import { KIND_NAMES } from '../kind-names.ts';
import { API_GROUP_VERSION, toJson, toYaml } from '../output/format.ts';
import { formatTable } from '../output/table.ts';
import type { Session } from '../session.ts';

export function define(command: Command, cli: Cli): void {
  command
    .addHelpText('after', examples(['mill api-resources', 'needs no server']))
    .action(() => cli.run(printKinds));
}

async function printKinds(session: Session): Promise<number> {
  const kinds = (Object.keys(KIND_NAMES) as KindName[]).map((kind) => ({ kind, ...KIND_NAMES[kind] }));
  if (session.output === 'json') session.print(toJson(kinds));
  else if (session.output === 'yaml') session.print(await toYaml(kinds));
  else if (session.output === 'name')
    session.print(kinds.map(({ plural }) => `${plural}.mill.dev\n`).join(''));
  else {
    const rows = kinds.map(({ kind, plural, shortNames, internal, description }) => [
      plural,
      shortNames.join(',') || '-',
      API_GROUP_VERSION,
      kind,
      internal ? 'mill' : 'people',
      description,
    ]);
    session.print(
      formatTable(['NAME', 'SHORTNAMES', 'APIVERSION', 'KIND', 'WRITTEN BY', 'WHAT IT IS'], rows),
    );
  }
  return EXIT.done;
}
