/**
 * Ends the writers of volumes when their agent dies, however it dies: nobody could fence them any more.
 * One small process for all of them, which learns of the agent's death from the end of a pipe.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { Clock } from '../../../api/clock.ts';
import type { Log } from '../../../api/log.ts';
import type { ProcessIdentity } from './record.ts';

/** Pause before a guard is started again that died sooner than this after its start (no memory, no process). */
const RESTART_MS = 100;
/** How often a registration is tried on a fresh guard before the workload's start fails. */
const ADD_ATTEMPTS = 3;

/**
 * Reads `add GROUP STARTTIME`, `del GROUP` and `bye`; the end of its input without a `bye` is the agent's death.
 * A group's number that belongs to a younger process by then is left alone (field 22 of /proc/PID/stat, counted
 * from the parenthesis that closes the command's name).
 */
const SCRIPT = `
trap '' HUP INT QUIT TERM PIPE
groups=
while read -r verb group started; do
  case $verb in
    add) groups="$groups $group:$started" ;;
    del) kept=; for g in $groups; do [ "\${g%:*}" = "$group" ] || kept="$kept $g"; done; groups=$kept ;;
    bye) exit 0 ;;
  esac
done
started_at() {
  stat=
  while IFS= read -r line || [ -n "$line" ]; do stat="$stat$line"; done < "/proc/$1/stat"
  set -f; set -- \${stat##*)}; now=\${20}
}
for g in $groups; do
  now=
  { started_at "\${g%:*}"; } 2>/dev/null
  if [ -z "$now" ] || [ "$now" = "\${g#*:}" ]; then kill -KILL "-\${g%:*}" 2>/dev/null; fi
done
`;

export interface GuardOptions {
  readonly clock: Clock;
  readonly log: Log;
}

export class Guard {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #groups = new Map<number, ProcessIdentity>();
  #child: ChildProcess | undefined;
  #startedAt = 0;
  #cancelRestart = () => {};
  #isLetGo = false;

  constructor({ clock, log }: GuardOptions) {
    this.#clock = clock;
    this.#log = log;
  }

  /** The guard's process, once there is one. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /**
   * Resolves when the registration is in the guard's pipe: from here the group dies with this process.
   * @throws Error where no guard can be kept up
   */
  async add(group: ProcessIdentity): Promise<void> {
    this.#groups.set(group.pid, group);
    for (let attempt = 0; attempt < ADD_ATTEMPTS; attempt++) {
      const child = this.#child ?? this.#start();
      if (await send(child, addLine(group))) return;
      if (this.#child === child) this.#child = undefined; // its exit is not told yet
    }
    this.#groups.delete(group.pid);
    throw new Error('the process that guards volume writers cannot be started');
  }

  /** The group is gone. */
  delete(pid: number): void {
    if (this.#groups.delete(pid) && this.#child) void send(this.#child, `del ${pid}\n`);
  }

  /** Ends the guard without a kill. The groups are then nobody's until the next agent guards them. */
  async letGo(): Promise<void> {
    this.#isLetGo = true;
    this.#cancelRestart();
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.ref();
    await send(child, 'bye\n');
    child.stdin?.end();
    await ended;
  }

  #start(): ChildProcess {
    this.#cancelRestart();
    // A session of its own: no signal to the agent's group or terminal reaches it. Node opens everything
    // close-on-exec, so no workload holds the other end of this pipe and keeps it open past our death.
    const child = spawn('/bin/sh', ['-c', SCRIPT, 'mill-guard'], {
      cwd: '/',
      env: {},
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#child = child;
    this.#startedAt = this.#clock.now();
    const ended = () => this.#ended(child);
    child.once('exit', ended);
    child.once('error', ended);
    child.stdin?.on('error', () => {}); // `send` reports it
    child.unref();
    if (child.stdin instanceof Socket) child.stdin.unref();
    void send(child, [...this.#groups.values()].map(addLine).join(''));
    return child;
  }

  #ended(child: ChildProcess): void {
    if (this.#isLetGo) return;
    if (this.#child === child) this.#child = undefined;
    if (this.#child || this.#groups.size === 0) return;
    this.#log.warn({ groups: this.#groups.size }, 'the guard of volume writers ended; starting another');
    const livedMs = this.#clock.now() - this.#startedAt;
    if (livedMs >= RESTART_MS) this.#start();
    else this.#cancelRestart = this.#clock.schedule(RESTART_MS, () => void (this.#child ?? this.#start()));
  }
}

const addLine = ({ pid, startTime }: ProcessIdentity): string => `add ${pid} ${startTime}\n`;

/** Whether the text went into the guard's pipe. */
function send(child: ChildProcess, text: string): Promise<boolean> {
  const { stdin } = child;
  if (!stdin?.writable) return Promise.resolve(false);
  return new Promise((resolve) => {
    stdin.write(text, (error) => resolve(!error));
  });
}
