import { lookup } from 'node:dns/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { bindingRequest, bindingSuccess, parseStun, serializeStun } from './stun.ts';
import type { TransportAddress } from './stun-address.ts';
import { newTransactionId } from './stun-key.ts';

export interface StunQueryTransport {
  readonly send: (datagram: Buffer, to: TransportAddress) => void;
  /** Gives STUN datagrams to the listener first; it answers true when one was for it. `undefined` ends that. */
  readonly listen: (listener: ((datagram: Buffer) => boolean) | undefined) => void;
}

/** Pauses between requests; the call's set-up waits for all of this, so it is short. */
const pausesMs = [100, 150, 250];
const defaultPort = 3478;

/** Asks a STUN server (`host` or `host:port`) under which address it sees the socket (RFC 8489 §6); `undefined`: no answer. */
export async function queryMappedAddress(
  server: string,
  transport: StunQueryTransport,
): Promise<TransportAddress | undefined> {
  const to = await resolve(server);
  if (to === undefined) return undefined;
  const transactionId = newTransactionId();
  const request = serializeStun({ type: bindingRequest, transactionId });
  let mapped: TransportAddress | undefined;
  const answered = new AbortController();
  transport.listen((datagram) => {
    const message = parseStun(datagram);
    if (message?.transactionId !== transactionId || message.type !== bindingSuccess) return false;
    mapped = message.mappedAddress;
    answered.abort();
    return true;
  });
  for (const pause of pausesMs) {
    if (answered.signal.aborted) break;
    transport.send(request, to);
    await delay(pause, undefined, { signal: answered.signal }).catch(() => undefined);
  }
  transport.listen(undefined);
  return mapped;
}

async function resolve(server: string): Promise<TransportAddress | undefined> {
  const match = /^\[?(.+?)\]?(?::(\d+))?$/.exec(server);
  if (match?.[1] === undefined) return undefined;
  const found = await lookup(match[1], { family: 4 }).catch(() => undefined);
  return found && { address: found.address, port: Number(match[2] ?? defaultPort) };
}
