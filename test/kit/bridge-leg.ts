import { BridgeRelay, type UdpAddress } from './bridge-relay.ts';
import { answerSdp, asBridgeOffer, audioLevelUri, type BridgePayloadTypes, sdpValue } from './bridge-sdp.ts';
import type { BridgeTransport, EndpointAnswer } from './media-bridge.ts';
import { Recording } from './recording.ts';
import {
  type AudioSink,
  type AudioSource,
  type MediaTrack,
  newAudioSink,
  newAudioSource,
  newPeerConnection,
  type PeerConnection,
  type Transceiver,
} from './wrtc.ts';

interface Outgoing {
  readonly source: AudioSource;
  readonly track: MediaTrack;
  readonly transceiver: Transceiver;
}

/**
 * The bridge's media end for one gateway leg: a libwebrtc connection that offers (controlling, actpass), with one receiving
 * section for the gateway's audio and one sending section for each source of the room, all on one transport.
 */
export class BridgeLeg {
  readonly recording = new Recording();
  readonly #connection: PeerConnection = newPeerConnection();
  readonly #numbers: BridgePayloadTypes;
  readonly #outgoing = new Map<number, Outgoing>();
  /** SSRC of each section of the SDP; the first only receives. */
  readonly #sections: (number | undefined)[] = [undefined];
  readonly #heard: (samples: Int16Array) => void;
  #sink: AudioSink | undefined;
  #relay: BridgeRelay | undefined;
  #answer: EndpointAnswer | undefined;
  #wanted: readonly number[] = [];
  #work: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(
    numbers: BridgePayloadTypes,
    heard: (samples: Int16Array) => void,
    changed: (state: string) => void,
  ) {
    this.#numbers = numbers;
    this.#heard = heard;
    this.#connection.onconnectionstatechange = () => changed(this.#connection.connectionState);
  }

  get relay(): BridgeRelay | undefined {
    return this.#relay;
  }

  get ssrcs(): readonly number[] {
    return this.#answer?.ssrcs ?? [];
  }

  /** Makes the offer; the gateway will find us at a relay on `address`. */
  async open(address: string, sources: readonly number[]): Promise<BridgeTransport> {
    const receiver = this.#connection.addTransceiver('audio', { direction: 'recvonly' });
    this.#sink = newAudioSink(receiver.receiver.track);
    this.#sink.ondata = ({ samples }) => {
      this.recording.add(samples);
      this.#heard(samples);
    };
    this.#wanted = sources;
    for (const ssrc of sources) this.#addSender(ssrc);
    const own = this.#ownAddress();
    const offer = asBridgeOffer((await this.#connection.createOffer()).sdp, this.#sections, this.#numbers);
    await this.#connection.setLocalDescription({ type: 'offer', sdp: offer });
    this.#relay = await BridgeRelay.open(address, await own);
    const [hash = '', value = ''] = sdpValue(offer, 'fingerprint').split(' ');
    return {
      ufrag: sdpValue(offer, 'ice-ufrag'),
      pwd: sdpValue(offer, 'ice-pwd'),
      fingerprint: { hash, value },
      candidates: [{ ip: address, port: this.#relay.port, priority: 2130706431 }],
    };
  }

  accept(answer: EndpointAnswer): void {
    this.#answer = answer;
    if (this.#relay !== undefined) this.#relay.levelId = answer.headerExtensions.get(audioLevelUri);
    this.#enqueue(() => this.#connection.setRemoteDescription(this.#remote(answer)));
    this.setSources(this.#wanted);
  }

  /** The room's sources that this leg shall get. */
  setSources(ssrcs: readonly number[]): void {
    this.#wanted = ssrcs;
    if (this.#answer !== undefined) this.#enqueue(() => this.#follow());
  }

  /** 10 ms of the source `ssrc`. */
  push(ssrc: number, samples: Int16Array): void {
    this.#outgoing.get(ssrc)?.source.onData({
      samples,
      sampleRate: 48_000,
      bitsPerSample: 16,
      channelCount: 1,
      numberOfFrames: 480,
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#sink?.stop();
    for (const { track } of this.#outgoing.values()) track.stop();
    this.#connection.close();
    this.#relay?.close();
  }

  async #follow(): Promise<void> {
    const answer = this.#answer;
    if (answer === undefined) return;
    for (const ssrc of this.#outgoing.keys()) if (!this.#wanted.includes(ssrc)) await this.#dropSender(ssrc);
    const added = this.#wanted.filter((ssrc) => !this.#outgoing.has(ssrc));
    if (added.length === 0) return;
    for (const ssrc of added) this.#addSender(ssrc);
    const offer = asBridgeOffer((await this.#connection.createOffer()).sdp, this.#sections, this.#numbers);
    await this.#connection.setLocalDescription({ type: 'offer', sdp: offer });
    await this.#connection.setRemoteDescription(this.#remote(answer));
  }

  #addSender(ssrc: number): void {
    const source = newAudioSource();
    const track = source.createTrack();
    const transceiver = this.#connection.addTransceiver(track, { direction: 'sendonly' });
    this.#outgoing.set(ssrc, { source, track, transceiver });
    this.#sections.push(ssrc);
  }

  /** The section stays in the SDP, as SDP demands; nothing is sent in it any more. */
  async #dropSender(ssrc: number): Promise<void> {
    const outgoing = this.#outgoing.get(ssrc);
    this.#outgoing.delete(ssrc);
    await outgoing?.transceiver.sender.replaceTrack(null);
    outgoing?.track.stop();
  }

  #remote(answer: EndpointAnswer): { type: 'answer'; sdp: string } {
    return { type: 'answer', sdp: answerSdp(this.#sections.length, answer, this.#numbers) };
  }

  /** libwebrtc's own UDP address: on 127.0.0.1 if it offers that, else the first IPv4 one. */
  #ownAddress(): Promise<UdpAddress> {
    return new Promise((resolve, reject) => {
      let other: UdpAddress | undefined;
      this.#connection.onicecandidate = ({ candidate }) => {
        const found = /udp \d+ (\d+\.\d+\.\d+\.\d+) (\d+) typ host/.exec(candidate?.candidate ?? '');
        const address = found === null ? undefined : { ip: found[1] ?? '', port: Number(found[2]) };
        if (address?.ip === '127.0.0.1') resolve(address);
        other ??= address;
        if (candidate !== null) return;
        if (other === undefined) reject(new Error('libwebrtc gathered no IPv4 candidate'));
        else resolve(other);
      };
    });
  }

  #enqueue(step: () => Promise<void>): void {
    this.#work = this.#work
      .then(() => (this.#closed ? undefined : step()))
      .catch((error: unknown) => {
        if (!this.#closed) console.error('bridge leg:', error);
      });
  }
}
