import type { PhoneMedia } from './media-engine.ts';

/** A phone at this port of 127.0.0.1, with PCMU and RFC 4733, but for `changes`. */
export function phoneMedia(port: number, changes: Partial<PhoneMedia> = {}): PhoneMedia {
  return {
    remote: { address: '127.0.0.1', port, rtcpPort: port + 1 },
    codec: 'PCMU',
    sendPayloadType: 0,
    receivePayloadType: 0,
    telephoneEvent: { payloadType: 101, clockRate: 8000 },
    ptimeMs: 20,
    direction: 'sendrecv',
    ...changes,
  };
}
