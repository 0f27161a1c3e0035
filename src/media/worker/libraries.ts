import { nodeCiphers, usePacketCiphers } from '../packet-ciphers.ts';
import { loadLibcrypto } from './libcrypto.ts';
import type { OpenSockets } from './open-sockets.ts';
import { loadOpus } from './opus.ts';
import { useNativeP256 } from './p256.ts';
import { useNodeSockets, useSystemSockets } from './udp-socket.ts';

/** Chooses, for this thread, who codes, ciphers and sends; answers what was chosen. */
export async function loadLibraries(
  fromSystem: boolean,
  open: OpenSockets,
): Promise<Readonly<Record<'opus' | 'ciphers' | 'keyAgreement' | 'sockets', string>>> {
  const opus = await loadOpus(fromSystem ? 'auto' : 'bundled');
  const libcrypto = fromSystem ? await loadLibcrypto() : undefined;
  usePacketCiphers(libcrypto ?? nodeCiphers);
  const hasSockets = fromSystem && (await useSystemSockets(open));
  if (!hasSockets) useNodeSockets();
  const isNative = useNativeP256();
  return {
    opus,
    ciphers: libcrypto === undefined ? 'node:crypto' : 'OpenSSL',
    keyAgreement: isNative ? 'OpenSSL' : 'JavaScript',
    sockets: hasSockets ? 'system' : 'node:dgram',
  };
}
