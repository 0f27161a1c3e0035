import { ok } from '../../errors.ts';
import type { WorkerResult } from '../protocol.ts';
import { bindRefused, bindUdp, type DatagramHandler, type UdpSocket } from './udp-socket.ts';

export interface PhoneSockets {
  readonly rtp: UdpSocket;
  readonly rtcp: UdpSocket;
  close(): Promise<void>;
}

export interface PhoneSocketEvents {
  readonly onRtp: DatagramHandler;
  readonly onRtcp: DatagramHandler;
  readonly onError: (errno: string) => void;
}

/** Binds the even port for RTP and the odd one for RTCP (RFC 3550 §11); fails with the `busyPort`. */
export async function bindPhoneSockets(
  address: string,
  rtpPort: number,
  rtcpPort: number,
  { onRtp, onRtcp, onError }: PhoneSocketEvents,
): Promise<WorkerResult<PhoneSockets>> {
  const rtp = await bindUdp(address, rtpPort, { onDatagram: onRtp, onError });
  if (!rtp.ok) return bindRefused(address, rtp.error);
  const rtcp = await bindUdp(address, rtcpPort, { onDatagram: onRtcp, onError });
  if (!rtcp.ok) {
    await rtp.value.close();
    return bindRefused(address, rtcp.error);
  }
  return ok({
    rtp: rtp.value,
    rtcp: rtcp.value,
    async close() {
      await Promise.all([rtp.value.close(), rtcp.value.close()]);
    },
  });
}
