/** The digits of RFC 4733 §3.2 in the order of their event codes 0…15. */
export const dtmfDigits = '0123456789*#ABCD';

/** A key that was pressed and released. */
export interface Digit {
  /** One of `dtmfDigits`. */
  readonly digit: string;
  readonly durationMs: number;
}

/** The payload of a telephone-event packet (RFC 4733 §2.3). Mutable, so that one object serves all packets. */
export interface TelephoneEvent {
  /** 0…255; digits are 0…15. */
  code: number;
  end: boolean;
  /** Level of the tone, −dBm0, 0…63. */
  volume: number;
  /** Ticks of the event's clock since the packet's timestamp, 16 bits. */
  duration: number;
}

export const TELEPHONE_EVENT_BYTES = 4;

export function newTelephoneEvent(): TelephoneEvent {
  return { code: 0, end: false, volume: 0, duration: 0 };
}

/** Reads `packet[start…end)`; false when it is too short. What follows the first event (padding, further ones) is ignored. */
export function readTelephoneEvent(
  packet: Buffer,
  start: number,
  end: number,
  event: TelephoneEvent,
): boolean {
  if (end - start < TELEPHONE_EVENT_BYTES) return false;
  const flags = packet[start + 1] as number;
  event.code = packet[start] as number;
  event.end = flags >= 128;
  event.volume = flags & 0x3f;
  event.duration = packet.readUInt16BE(start + 2);
  return true;
}

/** Writes to `out[at…)`; answers the number of bytes. */
export function writeTelephoneEvent(out: Buffer, at: number, event: TelephoneEvent): number {
  out[at] = event.code;
  out[at + 1] = (event.end ? 0x80 : 0) | (event.volume & 0x3f);
  out.writeUInt16BE(event.duration, at + 2);
  return TELEPHONE_EVENT_BYTES;
}

/** Only what can be dialled, in upper case; a comma stays as a pause. */
export function dialableDigits(text: string): string {
  return text.toUpperCase().replace(/[^0-9*#A-D,]/g, '');
}
