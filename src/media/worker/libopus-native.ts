import {
  type Libopus,
  type LibopusDecoder,
  type LibopusEncoder,
  MAX_PACKET_BYTES,
  type OpusEncoderOptions,
  type OpusRate,
} from './libopus.ts';
import { type NativeLibrary, openNativeLibrary } from './native-library.ts';

/** Names under which systems keep libopus. */
const fileNames = ['libopus.so.0', 'libopus.0.dylib', 'libopus-0.dll', 'opus.dll'];
/** Constants of opus_defines.h. */
const applicationVoip = 2048;
const control = {
  bitRate: 4002,
  complexity: 4010,
  inbandFec: 4012,
  expectedLoss: 4014,
  discontinuous: 4016,
  predictionDisabled: 4042,
};

/**
 * The system's libopus, called directly: about two thirds of the CPU of the WebAssembly one. Undefined when the system has none, or
 * this platform has no binary of koffi. Both sides of a call work in our own buffers: nothing is copied or allocated.
 */
export async function loadSystemLibopus(): Promise<Libopus | undefined> {
  const library = await openNativeLibrary(fileNames);
  return library && new SystemLibopus(library);
}

type Pointer = unknown;
type Create = (rate: number, ...rest: readonly unknown[]) => Pointer;
type Encode = (
  encoder: Pointer,
  pcm: Int16Array,
  samples: number,
  out: Uint8Array,
  longest: number,
) => number;
type Decode = (
  decoder: Pointer,
  packet: Uint8Array | null,
  length: number,
  out: Int16Array,
  samples: number,
  isRepair: number,
) => number;
type Control = (encoder: Pointer, request: number, type: 'int', value: number) => number;

class SystemLibopus implements Libopus {
  readonly version: string;
  readonly #createEncoder: Create;
  readonly #encode: Encode;
  readonly #control: Control;
  readonly #freeEncoder: (encoder: Pointer) => void;
  readonly #createDecoder: Create;
  readonly #decode: Decode;
  readonly #freeDecoder: (decoder: Pointer) => void;

  constructor(library: NativeLibrary) {
    const version = library.bind<() => string>('const char *opus_get_version_string()');
    this.version = `${version()} (system)`;
    this.#createEncoder = library.bind('void *opus_encoder_create(int32_t, int, int, _Out_ int *)');
    this.#encode = library.bind('int32_t opus_encode(void *, const void *, int, void *, int32_t)');
    this.#control = library.bind('int opus_encoder_ctl(void *, int, ...)');
    this.#freeEncoder = library.bind('void opus_encoder_destroy(void *)');
    this.#createDecoder = library.bind('void *opus_decoder_create(int32_t, int, _Out_ int *)');
    this.#decode = library.bind('int opus_decode(void *, const void *, int32_t, void *, int, int)');
    this.#freeDecoder = library.bind('void opus_decoder_destroy(void *)');
  }

  async createEncoder(options: Required<OpusEncoderOptions>): Promise<LibopusEncoder> {
    const encoder = this.#encoder(options);
    const set = (request: number, value: number): void => {
      accepted(this.#control(encoder, request, 'int', value));
    };
    set(control.bitRate, options.bitRate);
    set(control.complexity, options.complexity);
    set(control.inbandFec, options.forwardErrorCorrection ? 1 : 0);
    set(control.discontinuous, options.discontinuous ? 1 : 0);
    set(control.expectedLoss, options.expectedLoss);
    return {
      encode: (pcm, out, at) => {
        const longest = Math.min(MAX_PACKET_BYTES, out.length - at);
        if (longest <= 0) return 0;
        const target = at === 0 ? out : out.subarray(at);
        return accepted(this.#encode(encoder, pcm, pcm.length, target, longest));
      },
      setComplexity: (complexity) => set(control.complexity, complexity),
      setBitRate: (bitsPerSecond) => set(control.bitRate, bitsPerSecond),
      setExpectedLoss: (percent) => set(control.expectedLoss, percent),
      setPrediction: (on) => set(control.predictionDisabled, on ? 0 : 1),
      free: () => this.#freeEncoder(encoder),
    };
  }

  async createDecoder(rate: OpusRate): Promise<LibopusDecoder> {
    const error = [0];
    const decoder = this.#createDecoder(rate, 1, error);
    accepted(error[0] ?? 0);
    return {
      decode: (packet, out, at, samples, isRepair) => {
        if (at + samples > out.length || packet?.length === 0) return 0;
        const target = at === 0 ? out : out.subarray(at);
        const length = packet?.length ?? 0;
        return accepted(this.#decode(decoder, packet ?? null, length, target, samples, isRepair ? 1 : 0));
      },
      free: () => this.#freeDecoder(decoder),
    };
  }

  #encoder({ rate }: OpusEncoderOptions): Pointer {
    const error = [0];
    const encoder = this.#createEncoder(rate, 1, applicationVoip, error);
    accepted(error[0] ?? 0);
    return encoder;
  }
}

/** Negative numbers are errors of opus_defines.h. */
function accepted(result: number): number {
  if (result < 0) throw new Error(`libopus ${result}`);
  return result;
}
