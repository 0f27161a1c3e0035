import type { LibraryHandle } from 'koffi';

/** A library of this system, and what it takes to call it without copying. */
export interface NativeLibrary {
  /** A C prototype, e.g. `int close(int)`, as a function. Typed arrays are given as pointers to their bytes. */
  bind<F extends (...given: never[]) => unknown>(prototype: string): F;
  /** Memory that is never freed: its address for C, its bytes for us. */
  allocate(bytes: number): { readonly address: bigint; readonly bytes: ArrayBuffer };
  /** `errno` of the last call, by name. */
  lastError(): string;
}

/** The first of these libraries that this system has (null: this process itself); undefined: none, or koffi brings no binary for this platform. */
export async function openNativeLibrary(
  names: readonly (string | null)[],
): Promise<NativeLibrary | undefined> {
  const koffi = (await import('koffi').catch(() => undefined))?.default;
  if (koffi === undefined) return undefined;
  const handle = firstOf(names, (name) => koffi.load(name));
  if (handle === undefined) return undefined;
  const errors = new Map(Object.entries(koffi.os.errno).map(([name, value]) => [value, name]));
  return {
    bind: <F extends (...given: never[]) => unknown>(prototype: string): F =>
      handle.func(prototype) as unknown as F,
    allocate: (bytes) => {
      const pointer: bigint = koffi.alloc('uint8_t', bytes);
      return { address: koffi.address(pointer), bytes: koffi.view(pointer, bytes) };
    },
    lastError: () => errors.get(koffi.errno()) ?? String(koffi.errno()),
  };
}

function firstOf(
  names: readonly (string | null)[],
  load: (name: string | null) => LibraryHandle,
): LibraryHandle | undefined {
  for (const name of names) {
    try {
      return load(name);
    } catch {
      // Not on this system.
    }
  }
  return undefined;
}
