import { LossyRelay } from '../../kit/lossy-relay.ts';
import { type BridgeEndpoint, type MediaBridge, paperEndpoint } from '../../kit/media-bridge.ts';
import { RtpBridge } from '../../kit/rtp-bridge.ts';

/** The media of one gateway leg. */
export interface RoomMedia {
  readonly bridge: RtpBridge;
  readonly relay: LossyRelay;
  /** Resolves when DTLS is done. */
  readonly up: Promise<void>;
}

/**
 * A videobridge that gives each gateway leg an `RtpBridge` behind a bad network. Occupants of the component `callcontrol.…` get media,
 * others are inside: their packets are sent by the bench.
 */
export class SoundBridge implements MediaBridge {
  /** By room JID. */
  readonly legs = new Map<string, RoomMedia>();
  readonly #open = new Set<RoomMedia>();

  async allocate(room: string, _nick: string, realJid: string): Promise<BridgeEndpoint> {
    if (!realJid.includes('@callcontrol.')) return paperEndpoint();
    const bridge = await RtpBridge.start();
    const relay = await LossyRelay.open({ address: '127.0.0.1', port: bridge.port });
    const up = new Promise<void>((resolve) => bridge.once('up', resolve));
    const media = { bridge, relay, up };
    this.legs.set(room, media);
    this.#open.add(media);
    const { transport, fingerprint } = bridge.offer([]);
    return {
      transport: {
        ufrag: transport.ufrag,
        pwd: transport.pwd,
        fingerprint,
        candidates: [{ ip: '127.0.0.1', port: relay.portForGateway, priority: 2130706431 }],
      },
      accept: (answer) => bridge.accept(answer),
      sources: () => {},
      close: () => this.#close(media),
    };
  }

  stop(): void {
    for (const media of this.#open) this.#close(media);
  }

  #close(media: RoomMedia): void {
    if (!this.#open.delete(media)) return;
    media.bridge.removeAllListeners();
    media.bridge.close();
    media.relay.close();
  }
}
