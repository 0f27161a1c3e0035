import { Application, createDecoder, createEncoder, loadLibopus } from 'libopus-wasm';
import { voice } from './load-stage.ts';

// What the codec alone costs: for one call and second of G.711 with one speaker, libopus must encode 50 frames of the phone and decode
// 50 of the room. Runs as its own process on the gateway's core, and prints microseconds for one pair of frames.

await loadLibopus();
const at8k = voice(1000, 8000).samples;
const at48k = voice(440, 48_000).samples;
const toRoom = await createEncoder({
  sampleRate: 8000,
  channels: 1,
  application: Application.Voip,
  bitrate: 16_000,
  complexity: 5,
  fec: true,
  packetLossPercent: 5,
});
const fromRoom = await createEncoder({
  sampleRate: 48_000,
  channels: 1,
  application: Application.Voip,
  bitrate: 32_000,
});
const decoder = await createDecoder({ sampleRate: 8000, channels: 1 });
const frames = Math.floor(at8k.length / 160);
const packets = Array.from({ length: frames }, (_, index) =>
  Buffer.from(fromRoom.encode(at48k.subarray(index * 960, (index + 1) * 960), { frameSize: 960 })),
);

function pass(): number {
  const begun = process.cpuUsage();
  for (let index = 0; index < frames; index += 1) {
    toRoom.encode(at8k.subarray(index * 160, (index + 1) * 160), { frameSize: 160, maxPacketBytes: 1275 });
    decoder.decode(packets[index] as Buffer);
  }
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / frames;
}

const passes = Array.from({ length: 12 }, pass).slice(2);
passes.sort((a, b) => a - b);
console.log(JSON.stringify({ microseconds: passes[Math.floor(passes.length / 2)] }));
