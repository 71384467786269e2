/** A driver that keeps its table in memory and can be told to fail. */
import type { VolumeDriver, VolumeRef } from '../../../../runtime/drivers/volume.ts';

export class TableDriver implements VolumeDriver {
  readonly attachments = new Map<string, string | undefined>();
  readonly calls: string[] = [];
  failure: string | undefined;
  /** What happens while the driver is asked where a volume is; once. */
  meanwhile: (() => Promise<unknown>) | undefined;

  async provision({ name }: VolumeRef): Promise<string> {
    this.#call('provision', name);
    if (!this.attachments.has(name)) this.attachments.set(name, undefined);
    return `table/${name}`;
  }
  async attach({ name }: VolumeRef, to: string): Promise<void> {
    this.#call('attach', name, to);
    const holder = this.attachments.get(name);
    if (holder && holder !== to) throw new Error(`it is attached to ${holder}`);
    this.attachments.set(name, to);
  }
  async detach({ name }: VolumeRef, from: string): Promise<void> {
    this.#call('detach', name, from);
    if (this.attachments.get(name) === from) this.attachments.set(name, undefined);
  }
  async attachedTo({ name }: VolumeRef): Promise<string | undefined> {
    if (this.failure === 'attachedTo') throw new Error('the driver is away');
    const { meanwhile } = this;
    this.meanwhile = undefined;
    await meanwhile?.();
    return this.attachments.get(name);
  }
  async destroy({ name }: VolumeRef): Promise<void> {
    this.#call('destroy', name);
    if (this.attachments.get(name)) throw new Error('it is attached');
    this.attachments.delete(name);
  }
  #call(what: string, ...rest: string[]): void {
    this.calls.push([what, ...rest].join(' '));
    if (this.failure === what) throw new Error(`no ${what} today`);
  }
}
