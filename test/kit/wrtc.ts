import { createRequire } from 'node:module';

/** libwebrtc (@roamhq/wrtc), as far as the bridge uses it. Its own types need the DOM's. Loaded by the bridge's process only. */
export interface PeerConnection {
  readonly connectionState: string;
  readonly localDescription: { readonly sdp: string } | null;
  onicecandidate: ((event: { readonly candidate: { readonly candidate: string } | null }) => void) | null;
  onconnectionstatechange: (() => void) | null;
  addTransceiver(
    trackOrKind: MediaTrack | 'audio',
    init: { direction: 'sendonly' | 'recvonly' },
  ): Transceiver;
  createOffer(): Promise<{ readonly sdp: string }>;
  setLocalDescription(description: { type: 'offer'; sdp: string }): Promise<void>;
  setRemoteDescription(description: { type: 'answer'; sdp: string }): Promise<void>;
  close(): void;
}

export interface Transceiver {
  readonly sender: { replaceTrack(track: MediaTrack | null): Promise<void> };
  readonly receiver: { readonly track: MediaTrack };
}

export interface MediaTrack {
  stop(): void;
}

export interface AudioFrame {
  readonly samples: Int16Array;
  readonly sampleRate: number;
  readonly channelCount: number;
  readonly bitsPerSample: number;
  readonly numberOfFrames: number;
}

export interface AudioSource {
  createTrack(): MediaTrack;
  onData(frame: AudioFrame): void;
}

export interface AudioSink {
  ondata: ((frame: AudioFrame) => void) | null;
  stop(): void;
}

interface Wrtc {
  RTCPeerConnection: new (configuration: object) => PeerConnection;
  nonstandard: {
    RTCAudioSource: new () => AudioSource;
    RTCAudioSink: new (track: MediaTrack) => AudioSink;
  };
}

const library = createRequire(import.meta.url)('@roamhq/wrtc') as Wrtc;

export const newPeerConnection = (): PeerConnection =>
  new library.RTCPeerConnection({ bundlePolicy: 'max-bundle', rtcpMuxPolicy: 'require', iceServers: [] });
export const newAudioSource = (): AudioSource => new library.nonstandard.RTCAudioSource();
export const newAudioSink = (track: MediaTrack): AudioSink => new library.nonstandard.RTCAudioSink(track);
