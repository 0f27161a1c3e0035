import { type Failure, failure, type Result } from '../../errors.ts';
import { reasonText } from '../ending-of-status.ts';
import type { TransferRequest } from '../engine.ts';
import { headerLine } from '../header-line.ts';
import type { SipHead } from '../message.ts';
import { contentType, sdpOf } from '../message-body.ts';
import type { NameAddr } from '../name-addr.ts';
import { reasonLine } from '../reason-header.ts';
import { ReferDialog, type Respond } from '../refer-dialog.ts';
import type { DialogTags } from '../refer-replaces.ts';
import { dialogMethods } from '../served-methods.ts';
import { DialogRequests, type DialogRequestsOptions } from './dialog-requests.ts';
import type { DrachtioRequest, DrachtioSession } from './session.ts';

export interface DialogListener {
  /** The ACK of the INVITE came. */
  acknowledged(sdp: string | undefined): void;
  reacknowledged(sdp: string | undefined): void;
  reoffer(sdp: string | undefined, respond: (answer: Result<string>) => void): void;
  info(contentType: string, body: string): void;
  /** REFER. */
  transfer(transfer: TransferRequest): void;
  /** The dialog is dead. `byPeer`: nothing is left to be said to the peer. */
  lost(why: Failure, byPeer: boolean): void;
}

export interface DialogOptions extends Omit<DialogRequestsOptions, 'peerIsOffering'> {
  readonly listener: DialogListener;
  /** Of the 2xx that made it; for one that the peer opened they come with the ACK. */
  readonly tags: DialogTags | undefined;
}

/** One answered dialog from our side. Its transactions, routes and sequence numbers are the drachtio-server's. */
export class DrachtioDialog {
  readonly id: string;
  readonly session: DrachtioSession;
  readonly #options: DialogOptions;
  readonly #requests: DialogRequests;
  readonly #transfers: ReferDialog;
  #tags: DialogTags | undefined;
  /** Refuses the peer's offer that waits for our answer. */
  #answering: (() => void) | undefined;
  /** Our 200 to a re-INVITE waits for its ACK. */
  #unacknowledged: NodeJS.Timeout | undefined;
  /** The INVITE needs no ACK any more; one that we sent never did. */
  #acknowledged: boolean;
  #closed = false;

  constructor(options: DialogOptions) {
    this.#options = options;
    this.id = options.dialogId;
    this.session = options.session;
    this.#acknowledged = options.ownsCallId;
    this.#tags = options.tags;
    this.#requests = new DialogRequests({ ...options, peerIsOffering: () => this.#answering !== undefined });
    this.#transfers = new ReferDialog({
      send: (message) => this.#requests.transfer(message),
      asked: (transfer) => options.listener.transfer(transfer),
    });
  }

  reinvite(sdp: string): Promise<Result<string>> {
    return this.#requests.reinvite(sdp);
  }

  info(type: string, body: string): Promise<Result<number>> {
    return this.#requests.info(type, body);
  }

  refer(target: string): Promise<Result<number>> {
    return this.#transfers.refer(target);
  }

  get tags(): DialogTags | undefined {
    return this.#tags;
  }

  /** Sends BYE; resolves when it was answered or given up. RFC 3261 §15: a UAS must have seen the ACK, or waited for it. */
  bye(why: Failure): Promise<void> {
    const untold = this.#transfers.untold;
    this.close();
    const say = (): Promise<void> => this.#requests.bye(reasonLine(why));
    return untold === undefined ? say() : untold.then(say);
  }

  /** The dialog is over: what waits is answered with 487 (RFC 3261 §15.1.2), timers end. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#unacknowledged);
    this.#answering?.();
    this.#transfers.close();
    this.#requests.close();
  }

  abort(): void {
    this.close();
    this.#requests.abort();
  }

  /** A request of the peer inside this dialog. */
  receive(request: DrachtioRequest): void {
    const { message } = request;
    switch (message.method) {
      case 'ACK':
        this.#tags ??= tagsOf(message, message.to, message.from);
        this.#onAck(sdpOf(message));
        break;
      case 'BYE':
        this.#onBye(request);
        break;
      case 'INVITE':
        this.#onOffer(request, sdpOf(message));
        break;
      case 'UPDATE':
        this.#onUpdate(request);
        break;
      case 'INFO':
        accept(request);
        if (message.body !== '') this.#options.listener.info(contentType(message), message.body);
        break;
      case 'REFER':
        this.#transfers.receiveRefer(message, respondTo(request));
        break;
      case 'NOTIFY':
        this.#transfers.receiveNotify(message, respondTo(request));
        break;
      case 'MESSAGE':
      case 'OPTIONS':
      case 'PRACK':
        accept(request);
        break;
      default:
        request.respond({ status: 405, phrase: 'Method Not Allowed', lines: [allow] });
    }
  }

  #onAck(sdp: string | undefined): void {
    if (!this.#acknowledged) {
      this.#acknowledged = true;
      this.#options.listener.acknowledged(sdp);
    } else if (this.#unacknowledged !== undefined) {
      clearTimeout(this.#unacknowledged);
      this.#unacknowledged = undefined;
      this.#options.listener.reacknowledged(sdp);
    }
  }

  #onBye(request: DrachtioRequest): void {
    const words = reasonText(request.message.headers);
    if (!request.unsolicited) accept(request);
    this.close();
    this.#options.listener.lost(request.unsolicited ? ownEnding(words) : failure('hangup', words), true);
  }

  #onUpdate(request: DrachtioRequest): void {
    const sdp = sdpOf(request.message);
    if (sdp === undefined) accept(request);
    else this.#onOffer(request, sdp);
  }

  #onOffer(request: DrachtioRequest, sdp: string | undefined): void {
    const status = this.#glare();
    if (status !== undefined) {
      refuse(request, status);
      return;
    }
    this.#offered(sdp, (answer) => {
      if (!answer.ok) {
        const phrase = this.#closed ? 'Request Terminated' : 'Not Acceptable Here';
        request.respond({ status: this.#closed ? 487 : 488, phrase });
        return;
      }
      if (request.message.method === 'INVITE') this.#awaitAck();
      request.respond({ status: 200, phrase: 'OK', lines: [allow], body: answer.value });
    });
  }

  #awaitAck(): void {
    this.#unacknowledged = setTimeout(() => {
      this.#options.listener.lost(failure('no-ack', 'no ACK for our 200 to a re-INVITE'), false);
    }, 64 * this.#options.t1);
  }

  /** RFC 3261 §14.2, RFC 3311 §5.2: our own offer is out: 491; the peer's last one is not answered yet: 500. */
  #glare(): 491 | 500 | undefined {
    if (this.#requests.offering) return 491;
    return this.#answering !== undefined || this.#unacknowledged !== undefined ? 500 : undefined;
  }

  #offered(sdp: string | undefined, answer: (answer: Result<string>) => void): void {
    const once = (result: Result<string>): void => {
      if (this.#answering === undefined) return;
      this.#answering = undefined;
      answer(result);
    };
    this.#answering = () => once({ ok: false, error: failure('hangup') });
    this.#options.listener.reoffer(sdp, once);
  }
}

const allow = headerLine('Allow', dialogMethods.join(', '));

/** The dialog of a message, with our party and the peer's. */
export function tagsOf({ callId }: SipHead, local: NameAddr, remote: NameAddr): DialogTags {
  const tag = ({ parameters }: NameAddr): string => parameters.get('tag') ?? '';
  return { callId, localTag: tag(local), remoteTag: tag(remote) };
}

function respondTo(request: DrachtioRequest): Respond {
  return (status, phrase, lines = []) => request.respond({ status, phrase, lines: [allow, ...lines] });
}

function accept(request: DrachtioRequest): void {
  request.respond({ status: 200, phrase: 'OK', lines: [allow] });
}

function refuse(request: DrachtioRequest, status: 491 | 500): void {
  if (status === 491) request.respond({ status, phrase: 'Request Pending' });
  else {
    const wait = headerLine('Retry-After', String(1 + Math.floor(Math.random() * 10)));
    request.respond({ status, phrase: 'Server Internal Error', lines: [wait] });
  }
}

/** Why the server hung up for us, by the words of drachtio-server's own Reason header. */
function ownEnding(words: string | undefined): Failure {
  if (words === 'ACK timeout') return failure('no-ack', 'no ACK for our 200');
  if (words?.startsWith('CANCEL') === true) return failure('cancelled', words);
  return failure('hangup', words);
}
