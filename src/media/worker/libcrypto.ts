import { type CounterCipher, GCM_TAG, type PacketCiphers, type SealingCipher } from '../packet-ciphers.ts';
import { type NativeLibrary, openNativeLibrary } from './native-library.ts';

/** OpenSSL's evp.h. */
const EVP_CTRL_AEAD_GET_TAG = 0x10;
const EVP_CTRL_AEAD_SET_TAG = 0x11;

/** Never may a packet leave in clear because its cipher is gone. */
const freed = 'the cipher was freed';

type Pointer = unknown;
type Init = (
  context: Pointer,
  cipher: Pointer,
  engine: null,
  key: Buffer | null,
  iv: Buffer | null,
) => number;
type Update = (
  context: Pointer,
  out: Buffer | null,
  written: Int32Array,
  data: Buffer,
  length: number,
) => number;

/**
 * The OpenSSL that is part of Node.js, called directly: a packet costs a microsecond where node:crypto, which makes a cipher and
 * several buffers for each, costs seven. Undefined where this process does not export it.
 */
export async function loadLibcrypto(): Promise<PacketCiphers | undefined> {
  const library = await openNativeLibrary([null]);
  try {
    return library && new Libcrypto(library);
  } catch {
    return undefined; // a Node.js with an OpenSSL of the system, or with another library
  }
}

class Libcrypto implements PacketCiphers {
  readonly sealsFaster = true;
  readonly #counterMode: Pointer;
  readonly #galoisMode: Pointer;
  readonly #newContext: () => Pointer;
  readonly #encryptInit: Init;
  readonly #encryptUpdate: Update;
  readonly #encryptFinal: (context: Pointer, out: Buffer, written: Int32Array) => number;
  readonly #decryptInit: Init;
  readonly #decryptUpdate: Update;
  readonly #decryptFinal: (context: Pointer, out: Buffer, written: Int32Array) => number;
  readonly #control: (context: Pointer, verb: number, length: number, tag: Buffer) => number;
  readonly #freeContext: (context: Pointer) => void;
  readonly #written = new Int32Array(1);
  readonly #tag = Buffer.alloc(GCM_TAG);

  constructor(library: NativeLibrary) {
    this.#counterMode = library.bind<() => Pointer>('void *EVP_aes_128_ctr()')();
    this.#galoisMode = library.bind<() => Pointer>('void *EVP_aes_128_gcm()')();
    this.#newContext = library.bind('void *EVP_CIPHER_CTX_new()');
    this.#freeContext = library.bind('void EVP_CIPHER_CTX_free(void *)');
    const init = 'int EVP_*Init_ex(void *, void *, void *, const void *, const void *)';
    const update = 'int EVP_*Update(void *, void *, void *, const void *, int)';
    const final = 'int EVP_*Final_ex(void *, void *, void *)';
    const bind = <F extends (...given: never[]) => unknown>(prototype: string, verb: string): F =>
      library.bind<F>(prototype.replace('*', verb));
    this.#encryptInit = bind(init, 'Encrypt');
    this.#encryptUpdate = bind(update, 'Encrypt');
    this.#encryptFinal = bind(final, 'Encrypt');
    this.#decryptInit = bind(init, 'Decrypt');
    this.#decryptUpdate = bind(update, 'Decrypt');
    this.#decryptFinal = bind(final, 'Decrypt');
    this.#control = library.bind('int EVP_CIPHER_CTX_ctrl(void *, int, int, void *)');
  }

  counter(key: Buffer): CounterCipher {
    let context: Pointer = this.#context(this.#encryptInit, this.#counterMode, key);
    return {
      add: (packet, start, end, counter) => {
        if (context === undefined) throw new Error(freed);
        const part = packet.subarray(start, end);
        this.#encryptInit(context, null, null, null, counter);
        this.#encryptUpdate(context, part, this.#written, part, part.length);
      },
      free: () => {
        if (context !== undefined) this.#freeContext(context);
        context = undefined;
      },
    };
  }

  sealing(key: Buffer): SealingCipher {
    let sealer: Pointer = this.#context(this.#encryptInit, this.#galoisMode, key);
    let opener: Pointer = this.#context(this.#decryptInit, this.#galoisMode, key);
    const [written, tag] = [this.#written, this.#tag];
    // A view costs as much as the call that it is for: the header lies at the packet's start, and a tag is copied by hand.
    return {
      seal: (packet, start, end, iv, associated, length) => {
        if (sealer === undefined) throw new Error(freed);
        const part = packet.subarray(start, end);
        this.#encryptInit(sealer, null, null, null, iv);
        this.#encryptUpdate(sealer, null, written, associated, length);
        this.#encryptUpdate(sealer, part, written, part, end - start);
        this.#encryptFinal(sealer, tag, written);
        this.#control(sealer, EVP_CTRL_AEAD_GET_TAG, GCM_TAG, tag);
        for (let at = 0; at < GCM_TAG; at++) packet[end + at] = tag[at] as number;
      },
      open: (packet, start, end, iv, associated, length) => {
        if (opener === undefined) throw new Error(freed);
        const part = packet.subarray(start, end);
        for (let at = 0; at < GCM_TAG; at++) tag[at] = packet[end + at] as number;
        this.#decryptInit(opener, null, null, null, iv);
        this.#control(opener, EVP_CTRL_AEAD_SET_TAG, GCM_TAG, tag);
        this.#decryptUpdate(opener, null, written, associated, length);
        this.#decryptUpdate(opener, part, written, part, end - start);
        return this.#decryptFinal(opener, tag, written) === 1;
      },
      free: () => {
        if (sealer !== undefined) this.#freeContext(sealer);
        if (opener !== undefined) this.#freeContext(opener);
        sealer = undefined;
        opener = undefined;
      },
    };
  }

  #context(init: Init, mode: Pointer, key: Buffer): Pointer {
    const context = this.#newContext();
    if (init(context, mode, null, key, null) !== 1) throw new Error('OpenSSL refuses a key of AES-128');
    return context;
  }
}
