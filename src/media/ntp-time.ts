/** Seconds between 1900 and 1970. */
const EPOCH = 2_208_988_800;

/** The 64-bit NTP timestamp of RTCP, as two words (RFC 3550 §4). */
export interface NtpTime {
  readonly seconds: number;
  readonly fraction: number;
}

/** `wallMs` is milliseconds since 1970, with decimals. */
export function ntpTime(wallMs: number): NtpTime {
  const seconds = Math.floor(wallMs / 1000);
  const fraction = Math.floor((wallMs / 1000 - seconds) * 2 ** 32);
  return { seconds: (seconds + EPOCH) >>> 0, fraction };
}

/** The middle 32 bits: units of 1/65536 s, as in LSR and DLSR. */
export function compactNtp({ seconds, fraction }: NtpTime): number {
  return (((seconds & 0xffff) << 16) | (fraction >>> 16)) >>> 0;
}
