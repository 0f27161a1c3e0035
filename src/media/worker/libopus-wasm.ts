import { Application, createDecoder, createEncoder, EncoderCtl, loadLibopus } from 'libopus-wasm';
import {
  type Libopus,
  type LibopusDecoder,
  type LibopusEncoder,
  MAX_PACKET_BYTES,
  type OpusEncoderOptions,
  type OpusRate,
} from './libopus.ts';

/** The libopus that we bring along, as WebAssembly: runs everywhere, and a packet can break nothing but its sandbox. */
export async function loadBundledLibopus(): Promise<Libopus> {
  const { version } = await loadLibopus();
  return { version: `${version} (bundled)`, createEncoder: open, createDecoder: openDecoder };
}

async function open(options: Required<OpusEncoderOptions>): Promise<LibopusEncoder> {
  const handle = await createEncoder({
    sampleRate: options.rate,
    channels: 1,
    application: Application.Voip,
    bitrate: options.bitRate,
    complexity: options.complexity,
    fec: options.forwardErrorCorrection,
    dtx: options.discontinuous,
    packetLossPercent: options.expectedLoss,
  });
  return {
    encode(pcm, out, at) {
      const maxPacketBytes = Math.min(MAX_PACKET_BYTES, out.length - at);
      const packet = handle.encode(pcm, { frameSize: pcm.length, maxPacketBytes });
      out.set(packet, at);
      return packet.length;
    },
    setComplexity: (complexity) => handle.setComplexity(complexity),
    setBitRate: (bitsPerSecond) => handle.setBitrate(bitsPerSecond),
    setExpectedLoss: (percent) => handle.setPacketLossPercent(percent),
    setPrediction: (on) => handle.encoderCtl(EncoderCtl.SetPredictionDisabled, on ? 0 : 1),
    free: () => handle.free(),
  };
}

async function openDecoder(rate: OpusRate): Promise<LibopusDecoder> {
  const handle = await createDecoder({ sampleRate: rate, channels: 1 });
  const decode = (packet: Uint8Array | undefined, samples: number, isRepair: boolean): Int16Array => {
    if (packet === undefined) return handle.decodePacketLoss(samples);
    return handle.decode(
      packet,
      isRepair ? { decodeFec: true, frameSize: samples } : { maxFrameSize: samples },
    );
  };
  return {
    decode(packet, out, at, samples, isRepair) {
      const pcm = decode(packet, samples, isRepair);
      if (at + pcm.length > out.length) return 0;
      out.set(pcm, at);
      return pcm.length;
    },
    free: () => handle.free(),
  };
}
