import { randomUUID } from 'node:crypto';
import { randomToken } from '../../src/sip/embedded/outgoing-message.ts';
import type { SipTimes } from '../../src/sip/embedded/sip-js.ts';
import { toWire } from '../../src/sip/header-line.ts';
import type { SipRequest } from '../../src/sip/message.ts';
import { contactOf } from '../../src/sip/message-body.ts';
import type { Client } from './drachtio-clients.ts';
import { type ClientSip, type Frame, frameText, metaOf, writeFrame } from './drachtio-frames.ts';
import { incomingLeg, type Leg, matches } from './drachtio-leg.ts';
import { type DrachtioStack, responseTo, type Served } from './drachtio-stack.ts';
import { completed, frameOf } from './drachtio-text.ts';

/** An unanswered INVITE from the network. */
interface Invited {
  readonly served: Served;
  readonly client: Client;
  readonly dialogId: string;
  readonly tag: string;
}

export interface NetworkOptions {
  readonly times: SipTimes;
  readonly stack: DrachtioStack;
  readonly legs: Map<string, Leg>;
  /** The client for a request outside of dialogs. */
  readonly choose: (request: SipRequest) => Promise<Client | undefined>;
  readonly onUnacknowledged: (leg: Leg) => void;
}

/** What peers send, and what clients answer to it. */
export class DrachtioNetwork {
  readonly #times: SipTimes;
  readonly #stack: DrachtioStack;
  readonly #legs: Map<string, Leg>;
  readonly #choose: NetworkOptions['choose'];
  readonly #onUnacknowledged: NetworkOptions['onUnacknowledged'];
  readonly #invited = new Map<string, Invited>();
  readonly #served = new Map<string, { readonly served: Served; readonly leg: Leg | undefined }>();
  /** Ends the repetitions of a 200; by Call-ID and CSeq of the INVITE. */
  readonly #repeating = new Map<string, () => void>();

  constructor(options: NetworkOptions) {
    this.#times = options.times;
    this.#stack = options.stack;
    this.#legs = options.legs;
    this.#choose = options.choose;
    this.#onUnacknowledged = options.onUnacknowledged;
  }

  stop(): void {
    for (const end of this.#repeating.values()) end();
  }

  receive(served: Served): void {
    const { request } = served;
    if (request.method === 'CANCEL') this.#onCancel(served);
    else if (request.to.parameters.get('tag') !== undefined) this.#inDialog(served);
    else if (this.#stack.isMerged(request)) this.#reply(served, 482, 'Loop Detected');
    else void this.#newRequest(served);
  }

  async #newRequest(served: Served): Promise<void> {
    const { request } = served;
    const invite = request.method === 'INVITE';
    if (invite) this.#reply(served, 100, 'Trying', undefined);
    const client = await this.#choose(request);
    if (client === undefined) {
      this.#reply(served, 503, 'Service Unavailable');
      return;
    }
    const txn = randomUUID();
    if (invite) this.#invited.set(txn, { served, client, dialogId: randomUUID(), tag: randomToken() });
    else this.#served.set(txn, { served, leg: undefined });
    const local = ['127.0.0.1', String(this.#stack.port)];
    writeFrame(client.socket, ['sip', ...this.#meta(served), txn, '', ...local, ''], frameText(request));
  }

  #onCancel(cancel: Served): void {
    const invite = this.#stack.find(cancel.request);
    const entry = [...this.#invited].find(([, { served }]) => served === invite);
    if (invite === undefined || entry === undefined) {
      this.#reply(cancel, 481, 'Call/Transaction Does Not Exist');
      return;
    }
    const [txn, { client, dialogId, tag }] = entry;
    this.#invited.delete(txn);
    this.#reply(cancel, 200, 'OK', tag);
    this.#reply(invite, 487, 'Request Terminated', tag);
    writeFrame(client.socket, ['sip', ...this.#meta(cancel), txn, dialogId, ''], frameText(cancel.request));
  }

  #inDialog(served: Served): void {
    const { request } = served;
    const leg = [...this.#legs.values()].find((candidate) => matches(candidate, request));
    const gone = leg?.client.socket.destroyed !== false;
    if (leg === undefined || gone) {
      if (leg !== undefined && request.method === 'BYE') this.#legs.delete(leg.id);
      this.#reply(served, 481, 'Call/Transaction Does Not Exist', request.to.parameters.get('tag'));
      return;
    }
    if (request.cseq <= leg.remoteCseq) {
      this.#reply(served, 500, 'Internal Server Error', leg.localTag);
      return;
    }
    leg.remoteCseq = request.cseq;
    const target = contactOf(request)?.uri;
    if (target !== undefined && (request.method === 'INVITE' || request.method === 'UPDATE'))
      leg.target = target;
    if (request.method === 'INVITE') this.#reply(served, 100, 'Trying', leg.localTag);
    if (request.method === 'BYE') this.#legs.delete(leg.id);
    const txn = randomUUID();
    this.#served.set(txn, { served, leg });
    writeFrame(leg.client.socket, ['sip', ...this.#meta(served), txn, leg.id, ''], frameText(request));
  }

  /** ACK for a 200. */
  acknowledge(ack: SipRequest): void {
    this.#repeating.get(`${ack.callId} ${ack.cseq}`)?.();
    const leg = [...this.#legs.values()].find((candidate) => matches(candidate, ack));
    if (leg === undefined) return;
    const { host, port = 5060 } = ack.via;
    writeFrame(
      leg.client.socket,
      ['sip', ...metaOf('network', host, port), randomUUID(), leg.id, ''],
      frameText(ack),
    );
  }

  respond(client: Client, frame: Frame, sip: ClientSip): void {
    const txn = frame.words[1] ?? '';
    const refuse = (why: string): void => writeFrame(client.socket, ['response', frame.id, 'NOK', why]);
    const status = Number(sip.startLine.split(' ')[1]);
    const phrase = sip.startLine.split(' ').slice(2).join(' ');
    const invited = this.#invited.get(txn);
    const inside = this.#served.get(txn);
    const served = invited?.served ?? inside?.served;
    if (served === undefined) {
      refuse('Response not sent due to unknown transaction');
      return;
    }
    const tag = invited?.tag ?? inside?.leg?.localTag ?? randomToken();
    const own = `<sip:127.0.0.1:${this.#stack.port}>`;
    const { lines, contact } = completed(
      sip,
      own,
      served.request.method === 'INVITE' && status >= 200 && status < 300,
      this.#stack.port,
    );
    const text = responseTo(served.request, status, toWire(phrase), tag, lines, sip.body);
    const dialogId = invited?.dialogId ?? inside?.leg?.id ?? '';
    if (status >= 200) {
      this.#invited.delete(txn);
      this.#served.delete(txn);
    }
    const answered = served.request.method === 'INVITE' && status === 200;
    if (invited !== undefined && answered) {
      this.#legs.set(dialogId, incomingLeg(served, dialogId, client, tag, contact));
    }
    this.#stack.respond(served, status, text);
    if (answered) this.#repeat(served, invited === undefined ? undefined : dialogId);
    const meta = metaOf('application', served.packet.source.address, served.packet.source.port);
    const words = ['response', frame.id, 'OK', ...meta, txn, dialogId, '', 'Msg sent:', ''];
    writeFrame(client.socket, words, frameOf(text));
  }

  /** Timers G and H for a 200, which sofia leaves to drachtio; without ACK it says BYE and tells the client. */
  #repeat(served: Served, dialogId: string | undefined): void {
    const { t1, t2 } = this.#times;
    const { request, transaction } = served;
    let wait = t1;
    let timer: NodeJS.Timeout;
    const key = `${request.callId} ${request.cseq}`;
    const again = (): void => {
      if ('retransmitAcceptedResponse' in transaction) transaction.retransmitAcceptedResponse();
      wait = Math.min(t2, wait * 2);
      timer = setTimeout(again, wait);
    };
    timer = setTimeout(again, wait);
    const end = (): void => {
      clearTimeout(timer);
      clearTimeout(giveUp);
      this.#repeating.delete(key);
    };
    const giveUp = setTimeout(() => {
      end();
      const leg = dialogId === undefined ? undefined : this.#legs.get(dialogId);
      if (leg !== undefined) this.#onUnacknowledged(leg);
    }, 64 * t1);
    this.#repeating.set(key, end);
  }

  #reply(served: Served, status: number, phrase: string, tag: string | undefined = randomToken()): void {
    const text = responseTo(served.request, status, phrase, status === 100 ? undefined : tag);
    this.#stack.respond(served, status, text);
  }

  #meta({ packet }: Served): string[] {
    return metaOf('network', packet.source.address, packet.source.port);
  }
}
