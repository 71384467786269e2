/** A command that follows nodes, for tests: under way, while the objects change. */
import type { Node } from '../../../api/kinds/node.ts';
import type { FakeConnection } from './fake-connection.ts';
import { FakeSurroundings, runIn } from './fake-surroundings.ts';
import { reporting } from './objects.ts';

export class Following {
  readonly surroundings: FakeSurroundings;
  readonly connection: FakeConnection;
  readonly exitCode: Promise<number>;

  constructor(
    words: string,
    connection: FakeConnection,
    options: { isTTY?: boolean; holdsTime?: boolean } = {},
  ) {
    this.connection = connection;
    this.surroundings = new FakeSurroundings({ connection, ...options });
    this.exitCode = runIn(this.surroundings, words);
  }

  /** Lets the command do all that it can do now. */
  async settle(watches: number): Promise<void> {
    for (let turn = 0; this.connection.watchCount < watches || turn < 20; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  report(drain: Parameters<typeof reporting>[1], name = 'node-3'): void {
    const stored = this.connection.objects.get(`Node/${name}`) as Node;
    this.connection.put(reporting(stored, drain));
  }

  get lines(): string[] {
    return this.surroundings.out.split('\n').filter((line) => line !== '');
  }
}
