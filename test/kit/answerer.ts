import { Application, createEncoder, loadLibopus } from 'libopus-wasm';
import {
  MediaStreamTrack,
  RTCPeerConnection,
  RtpHeader,
  RtpPacket,
  useAudioLevelIndication,
  useOPUS,
} from 'werift';
import { sdpValue } from './bridge-sdp.ts';
import type { BridgeTransport, EndpointAnswer } from './media-bridge.ts';
import type { Sound } from './sound.ts';

/** A gateway of another make (werift's RTCPeerConnection and libopus), to test the bridge with. */
export class Answerer {
  readonly ssrc: number;
  /** Opus packets received, by SSRC. */
  readonly received = new Map<number, number>();
  readonly #connection: RTCPeerConnection;
  readonly #track = new MediaStreamTrack({ kind: 'audio' });
  #sequence = 0;
  #timestamp = 0;

  constructor() {
    this.#connection = new RTCPeerConnection({
      codecs: { audio: [useOPUS()] },
      headerExtensions: { audio: [useAudioLevelIndication()] },
      iceServers: [],
    });
    const transceiver = this.#connection.addTransceiver(this.#track, { direction: 'sendrecv' });
    this.ssrc = transceiver.sender.ssrc;
  }

  /** Answers an offer with the room's sources, as a session-accept would. */
  async answer(offered: BridgeTransport, sources: readonly number[]): Promise<EndpointAnswer> {
    this.#connection.onRemoteTransceiverAdded.subscribe(() => {});
    this.#connection.getTransceivers()[0]?.onTrack.subscribe((track) => {
      track.onReceiveRtp.subscribe(({ header }) => {
        this.received.set(header.ssrc, (this.received.get(header.ssrc) ?? 0) + 1);
      });
    });
    await this.#connection.setRemoteDescription({ type: 'offer', sdp: jingleAsSdp(offered, sources) });
    await this.#connection.setLocalDescription(await this.#connection.createAnswer());
    const sdp = this.#connection.localDescription?.sdp ?? '';
    const [hash = '', value = ''] = sdpValue(sdp, 'fingerprint').split(' ');
    return {
      ufrag: sdpValue(sdp, 'ice-ufrag'),
      pwd: sdpValue(sdp, 'ice-pwd'),
      fingerprint: { hash, value, setup: 'active' },
      opusPayloadType: 111,
      headerExtensions: new Map([['urn:ietf:params:rtp-hdrext:ssrc-audio-level', 1]]),
      ssrcs: [this.ssrc],
    };
  }

  async connected(): Promise<void> {
    if (this.#connection.connectionState === 'connected') return;
    await this.#connection.connectionStateChange.watch((state) => state === 'connected');
  }

  /** Sends the sound in packets of 20 ms, in real time, all with this audio level. */
  async speak({ rate, samples }: Sound, level: number): Promise<void> {
    await loadLibopus();
    const encoder = await createEncoder({ sampleRate: 48_000, channels: 1, application: Application.Voip });
    if (rate !== 48_000) throw new Error('48 kHz, please');
    const started = performance.now();
    for (let at = 0; at + 960 <= samples.length; at += 960) {
      const payload = Buffer.from(encoder.encode(samples.subarray(at, at + 960), { frameSize: 960 }));
      this.#send(payload, level);
      const due = started + (at + 960) / 48;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    }
    encoder.free();
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  #send(payload: Buffer, level: number): void {
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#timestamp += 960;
    const header = new RtpHeader({
      payloadType: 111,
      sequenceNumber: this.#sequence,
      timestamp: this.#timestamp,
      ssrc: this.ssrc,
      extension: true,
      extensionProfile: 0xbede,
      extensions: [{ id: 1, payload: Buffer.from([0x80 | level]) }],
    });
    const packet = new RtpPacket(header, payload);
    this.#track.writeRtp(packet.serialize());
  }
}

function jingleAsSdp(offered: BridgeTransport, sources: readonly number[]): string {
  const candidates = offered.candidates.map(
    ({ ip, port, priority }, index) =>
      `a=candidate:${index + 1} 1 udp ${priority} ${ip} ${port} typ host generation 0`,
  );
  return `${[
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    'a=group:BUNDLE audio',
    'm=audio 9 UDP/TLS/RTP/SAVPF 111',
    'c=IN IP4 0.0.0.0',
    'a=rtcp-mux',
    `a=ice-ufrag:${offered.ufrag}`,
    `a=ice-pwd:${offered.pwd}`,
    `a=fingerprint:${offered.fingerprint.hash} ${offered.fingerprint.value}`,
    'a=setup:actpass',
    'a=mid:audio',
    'a=sendrecv',
    'a=rtpmap:111 opus/48000/2',
    'a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level',
    ...candidates,
    ...sources.flatMap((ssrc) => [`a=ssrc:${ssrc} cname:${ssrc}`]),
  ].join('\r\n')}\r\n`;
}
