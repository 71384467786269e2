/** `mill kubeconfig`: what an unmodified kubectl needs for the server. */
import type { Command } from 'commander';
import { examples } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import { refuseWithoutCredential } from '../connection.ts';
import { EXIT } from '../exit.ts';
import { toJson } from '../output/format.ts';
import type { Session } from '../session.ts';

export function define(command: Command, cli: Cli): void {
  command
    .addHelpText(
      'after',
      `${examples(
        ['mill kubeconfig > mill.kubeconfig', 'then: kubectl --kubeconfig mill.kubeconfig get nodes'],
        ['KUBECONFIG=<(mill kubeconfig) kubectl get nodes', 'without a file, in bash'],
      )}

It holds a credential: keep it to yourself. kubectl takes one server: of several in --server the first one.`,
    )
    .action(() => cli.run(printKubeconfig));
}

async function printKubeconfig(session: Session): Promise<number> {
  const target = await session.target();
  const { servers, ca, token } = target.options;
  if (!token) return refuseWithoutCredential(target, session.surroundings.clock);
  const name = 'mill';
  // kubectl knows one server a cluster.
  const cluster = {
    server: servers[0],
    ...(ca ? { 'certificate-authority-data': Buffer.from(ca).toString('base64') } : {}),
  };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  const { toYaml } = await import('../output/format.ts');
  session.print(session.output === 'json' ? toJson(config) : await toYaml(config));
  return EXIT.done;
}
