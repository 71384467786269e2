/** Processes as far as the mounts controller cares: which volume is open. */
import type { Writers } from '../../../../controllers/mounts/controller.ts';

export class PlayedWriters implements Writers {
  isFenced = false;
  readonly using = new Set<string>();
  readonly #onChange = new Set<(alloc: string) => void>();
  readonly #onFence = new Set<() => void>();

  isUsing(name: string): boolean {
    return this.using.has(name);
  }
  async cutOff(name: string): Promise<void> {
    this.using.delete(name);
  }
  onChange(listener: (alloc: string) => void): void {
    this.#onChange.add(listener);
  }
  onFence(listener: () => void): void {
    this.#onFence.add(listener);
  }
  changed(name: string): void {
    for (const listener of this.#onChange) listener(name);
  }
  fence(isFenced: boolean): void {
    this.isFenced = isFenced;
    for (const listener of this.#onFence) listener();
  }
}
