/** How followers are told of: a line a step, JSON lines for scripts, or a live view on a terminal. */
import { safeText } from '../output/table.ts';
import type { Session } from '../session.ts';
import type { FollowEnd, Step } from './step.ts';

export interface Reporter {
  /** Steps not said before, of one node. */
  steps(node: string, steps: readonly Step[]): void;
  /** Where a node stands. */
  headline(node: string, text: string): void;
  /** About the following itself: the connection was lost. */
  note(text: string): void;
  /** @param isLast false: the command goes on with the node */
  end(node: string, end: FollowEnd, isLast: boolean): void;
  /** Nothing more comes; what a live view shows stays. */
  close(): void;
}

export function reporterFor(session: Session): Reporter {
  if (session.output === 'json') return new JsonReporter(session);
  const { stdout, env } = session.surroundings;
  const isLive = stdout.isTTY && env.TERM !== 'dumb' && session.output !== 'name';
  return isLive ? new LiveReporter(session) : new LineReporter(session);
}

class LineReporter implements Reporter {
  readonly #session: Session;
  constructor(session: Session) {
    this.#session = session;
  }

  steps(_node: string, steps: readonly Step[]): void {
    for (const { text } of steps) this.#session.printLine(safeText(text));
  }

  headline(): void {}

  note(text: string): void {
    this.#session.warn(text);
  }

  end(_node: string, { text, errors }: FollowEnd): void {
    if (text) this.#session.printLine(text);
    for (const line of errors ?? []) this.#session.warn(safeText(line));
  }

  close(): void {}
}

class JsonReporter implements Reporter {
  readonly #session: Session;
  constructor(session: Session) {
    this.#session = session;
  }

  steps(node: string, steps: readonly Step[]): void {
    for (const { step, text, fields } of steps) this.#line({ node, step, ...fields, message: text });
  }

  headline(): void {}

  note(text: string): void {
    this.#session.warn(text);
  }

  end(node: string, { result, text, errors }: FollowEnd, isLast: boolean): void {
    const [first, ...more] = errors ?? [];
    const message = text ?? first?.replace(/^mill: /, '') ?? '';
    this.#line({ node, step: result, ...(isLast ? { result } : {}), message });
    for (const line of first ? [first, ...more] : []) this.#session.warn(safeText(line));
  }

  close(): void {}

  #line(fields: Readonly<Record<string, unknown>>): void {
    const time = new Date(this.#session.surroundings.clock.now()).toISOString();
    this.#session.printLine(JSON.stringify({ time, ...fields }));
  }
}

const ESCAPE = '\u001b[';

/** Rewrites its lines in place: a headline a node, and below it the latest step of each subject. */
class LiveReporter implements Reporter {
  readonly #session: Session;
  readonly #nodes = new Map<string, { headline: string; steps: Map<string, Step>; end?: FollowEnd }>();
  #notes: string[] = [];
  #shown = 0;

  constructor(session: Session) {
    this.#session = session;
  }

  steps(node: string, steps: readonly Step[]): void {
    const { steps: latest } = this.#of(node);
    for (const step of steps) latest.set(step.subject, step);
    this.#draw();
  }

  headline(node: string, text: string): void {
    this.#of(node).headline = text;
    this.#draw();
  }

  note(text: string): void {
    this.#notes = [text];
    this.#draw();
  }

  end(node: string, end: FollowEnd): void {
    this.#of(node).end = end;
    this.#draw();
  }

  close(): void {
    this.#notes = [];
    this.#draw(true);
    for (const { end } of this.#nodes.values()) {
      for (const line of end?.errors ?? []) this.#session.warn(safeText(line));
    }
  }

  #of(node: string) {
    const known = this.#nodes.get(node) ?? { headline: `node/${node}`, steps: new Map<string, Step>() };
    this.#nodes.set(node, known);
    return known;
  }

  #draw(isFinal = false): void {
    const { stdout } = this.#session.surroundings;
    const lines = [...this.#lines(), ...this.#notes];
    // What has scrolled off a terminal cannot be rewritten: show the end of it, and all of it at last.
    const shown = isFinal ? lines : lines.slice(-Math.max(1, stdout.rows - 1));
    const erase = this.#shown > 0 ? `${ESCAPE}${this.#shown}A${ESCAPE}J` : '';
    this.#shown = isFinal ? 0 : shown.length;
    stdout.write(`${erase}${shown.map((line) => `${line}\n`).join('')}`);
  }

  #lines(): string[] {
    const { style, surroundings } = this.#session;
    const width = Math.max(20, surroundings.stdout.columns - 1);
    const lines: string[] = [];
    for (const [node, { headline, steps, end }] of this.#nodes) {
      const text = safeText(end?.text ?? (end ? `node/${node} ${end.result}` : headline)).slice(0, width);
      lines.push(end ? (end.exitCode === 0 ? style.good(text) : style.bad(text)) : style.strong(text));
      for (const step of steps.values()) {
        // The headline says it already.
        if (step.subject === `node/${node}`) continue;
        const below = `  ${safeText(step.text)}`.slice(0, width);
        lines.push(step.bad ? style.bad(below) : below);
      }
    }
    return lines;
  }
}
