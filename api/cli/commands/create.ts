/** `mill create`: as `apply`, for objects that must not be there yet. */
import type { Command } from 'commander';
import { examples, repeated } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import { EXIT } from '../exit.ts';
import { objectName } from '../kind-names.ts';
import { annotate } from '../manifest/merge.ts';
import { parseManifests } from '../manifest/parse.ts';
import { reportProblems, tellProblems } from '../manifest/problems.ts';
import { readManifests } from '../manifest/read.ts';
import type { Session } from '../session.ts';

interface CreateFlags {
  readonly filename: string[];
  readonly dryRun?: boolean;
}

export function define(command: Command, cli: Cli): void {
  command
    .requiredOption('-f, --filename <path>', 'file, directory, or - for stdin', repeated)
    .option('--dry-run', 'check, and create nothing')
    .addHelpText('after', examples(['mill create -f web.yaml', 'fails where one of them is there already']))
    .action((flags: CreateFlags) => cli.run((session) => create(session, flags)));
}

async function create(session: Session, { filename, dryRun = false }: CreateFlags): Promise<number> {
  const { manifests, problems } = parseManifests(await readManifests(filename, session.surroundings.stdin));
  if (problems.length > 0) return reportProblems(session, problems);
  const connection = await session.connect();
  const refused: string[] = [];
  for (const manifest of manifests) {
    try {
      await connection.create(annotate(manifest.object), { dryRun: true });
    } catch (error) {
      refused.push(...tellProblems(manifest, error));
    }
  }
  if (refused.length > 0) return reportProblems(session, refused);
  for (const manifest of manifests) {
    try {
      if (!dryRun) await connection.create(annotate(manifest.object));
    } catch (error) {
      return reportProblems(session, tellProblems(manifest, error), 'what is listed above was written');
    }
    session.printLine(`${objectName(manifest.kind, manifest.name)} created${dryRun ? ' (dry run)' : ''}`);
  }
  return EXIT.done;
}
