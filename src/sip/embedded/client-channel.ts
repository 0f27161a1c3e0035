import type { SipTransport } from '../../config/config.ts';
import type { Hop } from '../transport/packet.ts';
import { encodeMessage } from './outgoing-message.ts';
import { Retransmission } from './retransmission.ts';
import { Timers, type Transport } from './sip-js.ts';
import type { Wire } from './wire.ts';

interface Outgoing {
  readonly method: string;
  readonly branch: string;
  readonly requestUri: string;
  readonly route: string | undefined;
}

/**
 * What one client transaction of sip.js sends through: it finds the next hop, writes the Via, and does timers A and E
 * (RFC 3261 §17.1), which sip.js leaves out. sip.js also sends the ACK for a 2xx through it, which has a hop of its own.
 */
export class ClientChannel implements Transport {
  /** sip.js would put this into the Via; `OutgoingRequest` and `#send` write the real one. */
  readonly protocol = 'UDP';
  readonly #wire: Wire;
  readonly #hopOfInvite: (branch: string) => Hop | undefined;
  readonly #acknowledged = new Map<string, Hop>();
  #hop: Hop | undefined;
  #branch: string | undefined;
  #method = '';
  #retransmission: Retransmission | undefined;
  #answered = false;

  constructor(wire: Wire, hop: Hop | undefined, hopOfInvite: (branch: string) => Hop | undefined) {
    this.#wire = wire;
    this.#hop = hop;
    this.#hopOfInvite = hopOfInvite;
  }

  get hop(): Hop | undefined {
    return this.#hop;
  }

  /** Rejects when the message cannot be sent; sip.js turns that into an internal 503. */
  async send(text: string): Promise<void> {
    const outgoing = readOutgoing(text);
    const first = this.#branch === undefined;
    if (first) this.#branch = outgoing.branch;
    if (first) this.#method = outgoing.method;
    const hop = await this.#hopFor(outgoing);
    const local = await this.#wire.sockets.localAddresses.towards(hop.address);
    const make = (transport: SipTransport): Buffer =>
      encodeMessage(
        withVia(text, transport, this.#wire.sentBy(local, { transport, address: hop.address }), outgoing),
      );
    const used = await this.#wire.sockets.sendRequest(hop, make);
    this.#wire.counters.add(`sent.${outgoing.method}`);
    // An ACK for a failure and a CANCEL go where the request went (RFC 3261 §17.1.1.3, §9.1), also after a change to TCP.
    if (first) this.#hop = { ...hop, transport: used };
    if (first && used === 'udp' && !this.#answered) this.#repeat(hop, make('udp'));
  }

  /** A response to the transaction came. */
  responded(status: number): void {
    if (status < 200 && this.#method !== 'INVITE') {
      this.#retransmission?.slowDown();
      return;
    }
    this.stop();
  }

  stop(): void {
    this.#answered = true;
    this.#retransmission?.stop();
    this.#wire.release(this);
  }

  #repeat(hop: Hop, bytes: Buffer): void {
    const again = (): void => {
      this.#wire.counters.add('retransmitted.request');
      this.#wire.sockets.sendRequest(hop, () => bytes).catch(() => this.stop());
    };
    this.#retransmission = new Retransmission(
      again,
      this.#method === 'INVITE' ? Number.POSITIVE_INFINITY : Timers.T2,
    );
    this.#wire.keep(this);
  }

  async #hopFor(outgoing: Outgoing): Promise<Hop> {
    const own = outgoing.branch === this.#branch;
    if (own && this.#hop !== undefined) return this.#hop;
    if (outgoing.method === 'CANCEL') {
      const hop = this.#hopOfInvite(outgoing.branch);
      if (hop !== undefined) return hop;
    }
    const known = this.#acknowledged.get(outgoing.branch);
    if (known !== undefined) return known;
    const hop = await this.#wire.resolveText(outgoing.requestUri, outgoing.route);
    if (!own) this.#acknowledged.set(outgoing.branch, hop);
    return hop;
  }
}

function readOutgoing(text: string): Outgoing {
  const head = text.slice(0, text.indexOf('\r\n\r\n'));
  const [method = '', requestUri = ''] = head.slice(0, head.indexOf('\r\n')).split(' ');
  return {
    method,
    requestUri,
    branch: /\r\nVia: [^\r]*;branch=([^;\r]+)/.exec(head)?.[1] ?? '',
    route: /\r\nRoute: ([^\r]*)/.exec(head)?.[1],
  };
}

/** The placeholder becomes our Via; with `rport` so that answers come back through a NAT (RFC 3581). */
function withVia(text: string, transport: SipTransport, sentBy: string, outgoing: Outgoing): string {
  const via = `SIP/2.0/${transport.toUpperCase()} ${sentBy};branch=${outgoing.branch};rport`;
  return text.replace(/\r\nVia: [^\r]*/, () => `\r\nVia: ${via}`);
}
