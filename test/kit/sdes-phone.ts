import { randomBytes } from 'node:crypto';
import { ProtectionProfileAes128CmHmacSha1_80, RtpHeader, SrtpSession } from 'werift';
import type { PhoneSrtpKeys } from '../../src/media/media-engine.ts';
import type { RtpPhone } from './rtp-phone.ts';

/** Bytes of a master key; the salt follows it (RFC 4568 §6.1). */
const keyBytes = 16;

/** From now on the phone speaks SRTP, by another implementation than ours. Answers the keys as the engine gets them from SDP. */
export function speakSrtp(phone: RtpPhone): PhoneSrtpKeys {
  const [ours, theirs] = [randomBytes(30), randomBytes(30)];
  const session = new SrtpSession({
    profile: ProtectionProfileAes128CmHmacSha1_80,
    keys: {
      localMasterKey: ours.subarray(0, keyBytes),
      localMasterSalt: ours.subarray(keyBytes),
      remoteMasterKey: theirs.subarray(0, keyBytes),
      remoteMasterSalt: theirs.subarray(keyBytes),
    },
  });
  phone.srtp = {
    seal: (packet) => {
      const header = RtpHeader.deSerialize(packet);
      return session.encrypt(packet.subarray(header.payloadOffset), header);
    },
    open: (packet) => session.decrypt(packet),
  };
  return {
    profile: 'AES_CM_128_HMAC_SHA1_80',
    sendKey: theirs.toString('base64'),
    receiveKey: ours.toString('base64'),
  };
}
