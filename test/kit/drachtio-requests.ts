import { randomUUID } from 'node:crypto';
import { randomBranch, randomToken } from '../../src/sip/embedded/outgoing-message.ts';
import { toWire } from '../../src/sip/header-line.ts';
import type { SipResponse } from '../../src/sip/message.ts';
import { contactOf } from '../../src/sip/message-body.ts';
import { parseUri } from '../../src/sip/sip-uri.ts';
import type { Client } from './drachtio-clients.ts';
import { type ClientSip, type Frame, frameText, headerOf, metaOf, writeFrame } from './drachtio-frames.ts';
import { type Leg, outgoingLeg } from './drachtio-leg.ts';
import type { DrachtioStack } from './drachtio-stack.ts';
import { completed, echo, madeUp, type Outgoing } from './drachtio-text.ts';

/** An INVITE of a client that has no final response yet. */
interface Inviting {
  /** `lines`: the client's own headers. */
  readonly cancel: (lines: readonly string[]) => void;
}

/** What clients send: requests outside of dialogs and inside, CANCEL. */
export class DrachtioRequests {
  readonly #stack: DrachtioStack;
  readonly #legs: Map<string, Leg>;
  readonly #inviting = new Map<string, Inviting>();

  constructor(stack: DrachtioStack, legs: Map<string, Leg>) {
    this.#stack = stack;
    this.#legs = legs;
  }

  send(client: Client, frame: Frame, sip: ClientSip): void {
    const [, txn = '', dialogId = '', proxy] = frame.words;
    const refuse = (why: string): void => writeFrame(client.socket, ['response', frame.id, 'NOK', why]);
    const method = sip.startLine.split(' ')[0] ?? '';
    if (dialogId !== '') void this.#sendInside(client, frame, dialogId, method, sip, refuse);
    else if (method === 'CANCEL') this.#sendCancel(client, frame, txn, sip, refuse);
    else void this.#sendOutside(client, frame, method, sip, proxy, refuse);
  }

  /** A BYE of the server's own; the client hears of it as if the peer had sent it. */
  async hangUp(leg: Leg, why: string): Promise<void> {
    this.#legs.delete(leg.id);
    const outgoing = await this.#inside(leg, 'BYE', [`Reason: SIP ;cause=200 ;text="${why}"`], '');
    const text = echo(outgoing, this.#port());
    const meta = metaOf('application', outgoing.hop.address, outgoing.hop.port);
    writeFrame(leg.client.socket, ['sip', ...meta, 'unsolicited', leg.id, ''], text);
    this.#transmit(outgoing, () => {});
  }

  async #sendOutside(
    client: Client,
    frame: Frame,
    method: string,
    sip: ClientSip,
    proxy: string | undefined,
    refuse: (why: string) => void,
  ): Promise<void> {
    const uri = parseUri(sip.startLine.split(' ')[1] ?? '');
    if (uri === undefined) {
      refuse(`invalid request-uri: ${sip.startLine}`);
      return;
    }
    const hop = await this.#stack.wire.resolveText(proxy || uri.text, undefined).catch(() => undefined);
    if (hop === undefined) {
      refuse('requested protocol/transport not available');
      return;
    }
    const cseq = Number(headerOf(sip, 'cseq')?.split(' ')[0] ?? 1);
    const callId = headerOf(sip, 'call-id') ?? randomUUID();
    const own = `<sip:127.0.0.1:${this.#port()}>`;
    const { lines, contact } = completed(sip, own, method === 'INVITE', this.#port());
    const head = [
      `From: ${toWire(headerOf(sip, 'from') ?? `${own};tag=${randomToken()}`)}`,
      `To: ${toWire(headerOf(sip, 'to') ?? `<${uri.text}>`)}`,
      `Call-ID: ${callId}`,
      `CSeq: ${cseq} ${method}`,
      'Max-Forwards: 70',
      ...lines,
      `Content-Length: ${Buffer.byteLength(sip.body)}`,
    ];
    const [txn, dialogId] = [randomUUID(), method === 'INVITE' ? randomUUID() : ''];
    const outgoing: Outgoing = {
      client,
      txn,
      dialogId,
      method,
      hop,
      uri,
      lines: head,
      callId,
      cseq,
      body: sip.body,
    };
    this.#sentOk(client, frame, outgoing);
    if (method === 'INVITE') this.#sendInvite(outgoing, contact);
    else this.#transmit(outgoing, (response) => this.#forward(outgoing, response));
  }

  #sendInvite(outgoing: Outgoing, contact: string): void {
    const { client, txn, dialogId, uri } = outgoing;
    const branch = randomBranch();
    const state = {
      heard: false,
      cancelled: false,
      cancelSent: false,
      cancelLines: [] as readonly string[],
      accepted: false,
      leg: undefined as Leg | undefined,
    };
    const make = (response: SipResponse): Leg => {
      const leg = outgoingLeg(response, { id: dialogId, client, contact, cancelled: false, source: uri });
      this.#legs.set(dialogId, leg);
      return leg;
    };
    const cancel = (): void => {
      if (!state.cancelled || !state.heard || state.cancelSent) return;
      state.cancelSent = true;
      const lines = outgoing.lines
        .filter((line) => /^(From|To|Call-ID|Max-Forwards|Route): /.test(line))
        .concat(`CSeq: ${outgoing.cseq} CANCEL`, ...state.cancelLines, 'Content-Length: 0');
      this.#stack.send(
        'CANCEL',
        { hop: outgoing.hop, branch, lines, uri },
        outgoing.callId,
        outgoing.cseq,
        '',
        () => {},
      );
    };
    this.#inviting.set(txn, {
      cancel: (lines) => {
        state.cancelled = true;
        state.cancelLines = lines;
        cancel();
      },
    });
    this.#transmit(
      outgoing,
      (response) => {
        state.heard = true;
        if (typeof response === 'number' || response.status >= 300) this.#inviting.delete(txn);
        else if (response.status < 200) {
          cancel();
          // A reliable provisional response makes the dialog known that its PRACK goes to.
          if (response.headers.get('rseq') !== undefined) state.leg ??= make(response);
        } else if (state.accepted) {
          // Like the original (TimerDHandler): a second 200 is taken for a repetition, also when another phone sent it.
          state.leg?.ack?.();
          return;
        } else {
          state.accepted = true;
          this.#inviting.delete(txn);
          state.leg ??= make(response);
          state.leg.cancelled = state.cancelled;
          state.leg.target = contactOf(response)?.uri ?? state.leg.target;
        }
        this.#forward(outgoing, response);
      },
      branch,
    );
  }

  #sendCancel(
    client: Client,
    frame: Frame,
    txn: string,
    sip: ClientSip,
    refuse: (why: string) => void,
  ): void {
    const inviting = this.#inviting.get(txn);
    if (inviting === undefined) {
      refuse('Internal server error canceling sip request');
      return;
    }
    inviting.cancel(completed(sip, '', false, this.#port()).lines);
    const meta = metaOf('application', '127.0.0.1', this.#port());
    const echo = `CANCEL sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx\r\n\r\n`;
    writeFrame(client.socket, ['response', frame.id, 'OK', ...meta, randomUUID(), 'Msg sent:', ''], echo);
  }

  async #sendInside(
    client: Client,
    frame: Frame,
    dialogId: string,
    method: string,
    sip: ClientSip,
    refuse: (why: string) => void,
  ): Promise<void> {
    const leg = this.#legs.get(dialogId);
    if (leg === undefined) {
      refuse(
        `Server error: ${method === 'ACK' ? 'ACK for non-success final response is automatically generated by server' : 'unable to find dialog for dialog id provided'}`,
      );
      return;
    }
    const { lines } = completed(sip, leg.contact, method === 'INVITE', this.#port());
    // The original goes on to its own BYE before it reads the client's.
    if (method === 'ACK' && leg.cancelled) this.#legs.delete(dialogId);
    const outgoing = await this.#inside(leg, method, lines, sip.body);
    this.#sentOk(client, frame, outgoing);
    if (method === 'ACK') {
      const text = [`ACK ${outgoing.uri.text} SIP/2.0`, ...outgoing.lines];
      leg.ack = () => void this.#stack.sendAck(outgoing.hop, text, sip.body).catch(() => {});
      leg.ack();
      if (leg.cancelled) await this.hangUp(leg, 'ACK-BYE due to cancel race condition');
      return;
    }
    this.#transmit(outgoing, (response) => {
      const status = typeof response === 'number' ? response : response.status;
      if (method === 'INVITE' && typeof response !== 'number' && status === 200) {
        if (leg.inviteCseq === outgoing.cseq && leg.ack !== undefined) return leg.ack();
        leg.inviteCseq = outgoing.cseq;
        leg.ack = undefined;
        leg.target = contactOf(response)?.uri ?? leg.target;
      }
      if (method === 'BYE' && status >= 200 && status !== 401 && status !== 407) this.#legs.delete(leg.id);
      this.#forward(outgoing, response);
    });
  }

  /** A request inside a dialog: the server knows URI, route and CSeq. */
  async #inside(leg: Leg, method: string, lines: readonly string[], body: string): Promise<Outgoing> {
    const cseq = method === 'ACK' ? leg.inviteCseq : ++leg.cseq;
    const hop = await this.#stack.wire.resolveText(leg.target.text, leg.route[0]);
    const head = [
      ...leg.route.map((route) => `Route: ${route}`),
      `From: ${leg.from}`,
      `To: ${leg.to}`,
      `Call-ID: ${leg.callId}`,
      `CSeq: ${cseq} ${method}`,
      'Max-Forwards: 70',
      ...lines,
      `Content-Length: ${Buffer.byteLength(body)}`,
    ];
    const { client, id: dialogId, callId, target: uri } = leg;
    return { client, txn: randomUUID(), dialogId, method, hop, uri, lines: head, callId, cseq, body };
  }

  #transmit(
    outgoing: Outgoing,
    onResponse: (response: SipResponse | 408 | 503) => void,
    branch = randomBranch(),
  ): void {
    const { method, hop, lines, uri, callId, cseq, body } = outgoing;
    this.#stack.send(method, { hop, branch, lines, uri }, callId, cseq, body, onResponse);
  }

  #forward(outgoing: Outgoing, response: SipResponse | 408 | 503): void {
    const { client, txn, dialogId, hop } = outgoing;
    const text =
      typeof response === 'number' ? madeUp(outgoing, response, this.#port()) : frameText(response);
    writeFrame(client.socket, ['sip', ...metaOf('network', hop.address, hop.port), txn, dialogId, ''], text);
  }

  #sentOk(client: Client, frame: Frame, outgoing: Outgoing): void {
    const meta = metaOf('application', outgoing.hop.address, outgoing.hop.port);
    const words = ['response', frame.id, 'OK', ...meta, outgoing.txn, 'Msg sent:', ''];
    writeFrame(client.socket, words, echo(outgoing, this.#port()));
  }

  #port(): number {
    return this.#stack.port;
  }
}
