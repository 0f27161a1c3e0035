import type { DrachtioDialog } from './dialog.ts';

/** Answered dialogs by the id that their drachtio-server gave them (a UUID; unique across servers). */
export class DialogTable {
  readonly #dialogs = new Map<string, DrachtioDialog>();

  get size(): number {
    return this.#dialogs.size;
  }

  add(dialog: DrachtioDialog): void {
    this.#dialogs.set(dialog.id, dialog);
  }

  find(id: string): DrachtioDialog | undefined {
    return this.#dialogs.get(id);
  }

  remove(dialog: DrachtioDialog): void {
    this.#dialogs.delete(dialog.id);
  }
}
