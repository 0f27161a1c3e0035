import { randomBytes } from 'node:crypto';
import type { Config } from '../config/config.ts';
import { type Failure, fail, type Result } from '../errors.ts';
import { callRefused, callStarted } from '../events.ts';
import type { Log } from '../log.ts';
import type { MediaCall, MediaEngine } from '../media/media-engine.ts';
import type { AccountState, SipCall, SipEngine } from '../sip/engine.ts';
import type { DialRequest, Occupant, XmppSide } from '../xmpp/xmpp-side.ts';
import { type AccountCalls, AccountLoad } from './account-load.ts';
import { Call, type CallParts, type TimerLengths } from './call.ts';
import { callerName } from './caller-name.ts';
import { DialLines } from './dial-lines.ts';
import { planDial } from './dial-policy.ts';
import { PhoneLeg } from './phone-leg.ts';
import type { Line } from './phone-line.ts';
import { PromptBook } from './prompt-book.ts';
import { mayFollow } from './redirect-policy.ts';
import { CallRegistry } from './registry.ts';
import { RoomLeg } from './room-leg.ts';
import { resolveRoom, roomJid } from './room-resolver.ts';
import { SoundWatch } from './sound-watch.ts';
import { Transfers } from './transfers.ts';

export interface SwitchboardParts {
  readonly config: Config;
  readonly xmpp: XmppSide;
  readonly sip: SipEngine;
  readonly media: MediaEngine;
  readonly log: Log;
}

/** One account, for health and metrics. */
export type AccountView = AccountState & AccountCalls;

/** Turns an INVITE or a dial request into a call: admission, room or destination, the two legs. */
export class Switchboard {
  readonly registry: CallRegistry;
  readonly #parts: SwitchboardParts;
  readonly #prompts: PromptBook;
  readonly #load: AccountLoad;
  readonly #transfers: Transfers;

  constructor(parts: SwitchboardParts) {
    this.#parts = parts;
    const { language = 'en', soundsDirectory } = parts.config.call;
    this.#prompts = new PromptBook({ language, directory: soundsDirectory });
    this.#load = new AccountLoad(parts.config.sip.accounts);
    this.#transfers = new Transfers({ ...parts, load: this.#load });
    this.registry = new CallRegistry(parts.config.call.maxCalls);
    this.registry.on('load', (load) => parts.xmpp.publish(load));
    this.registry.on('size', () => this.#report());
    for (const event of ['online', 'offline'] as const) parts.xmpp.on(event, () => this.#report());
    this.#report();
    parts.sip.on('invite', (call) => void this.#incoming(call));
    parts.xmpp.on('dial', (request) => void this.#outgoing(request));
  }

  /** Tells SIP peers who ask whether a call would be served now. */
  #report(): void {
    const { sip, xmpp, config } = this.#parts;
    const { size, isFull } = this.registry;
    const { maxCalls } = config.call;
    const state = !xmpp.online ? 'unavailable' : isFull ? 'full' : 'open';
    sip.report({ state, calls: size, maxCalls });
  }

  /** The accounts with what is known about them: registration, servers, calls. */
  get accounts(): readonly AccountView[] {
    const states = this.#parts.sip.accounts();
    return this.#load.calls.flatMap((calls) => {
      const state = states.find(({ account }) => account === calls.account);
      return state === undefined ? [] : [{ ...state, ...calls }];
    });
  }

  async #incoming(sip: SipCall): Promise<void> {
    const { account } = sip;
    const log = this.#parts.log.child({ direction: 'in', account: account.name, sipCallId: sip.callId });
    const refuse = (why: Failure): void => {
      callRefused(log, why, { peer: sip.remote.uri });
      sip.end(why);
    };
    if (sip.replaces !== undefined) {
      const taken = await this.#transfers.takeOver(sip, this.registry.callOn(sip.replaces));
      return taken.ok ? undefined : refuse(taken.error);
    }
    const room = this.#roomOf(sip);
    if (!room.ok) return refuse(room.error);
    const place = this.#load.admit(account, 'in');
    if (!place.ok) return refuse(place.error);
    const why = await this.#enter(place.value, () => this.#buildIncoming(newCallId(), room.value, sip));
    if (why !== undefined) refuse(why);
  }

  async #buildIncoming(id: string, room: string, sip: SipCall): Promise<Result<Call>> {
    const { name, profile } = sip.account;
    const log = this.#parts.log.child({ callId: id, room, direction: 'in', account: name });
    callStarted(log, { peer: sip.remote.uri, sipCallId: sip.callId });
    const address = sip.localAddress;
    return this.#withMedia(id, room, async (media) => {
      const phone = this.#phoneLeg({ profile, address }, room, media, log);
      const received = await phone.receive(sip);
      if (!received.ok) return received;
      if (phone.ended !== undefined) return { ok: false, error: phone.ended };
      phone.ring();
      const occupant = this.#parts.xmpp.occupant({
        callId: id,
        room,
        password: firstHeader(sip, profile.passwordHeaders),
        displayName: callerName(sip.remote),
      });
      return this.#assemble({ id, room, direction: 'in', phone, occupant, media, log, dial: undefined });
    });
  }

  async #outgoing(request: DialRequest): Promise<void> {
    const log = this.#parts.log.child({ direction: 'out' });
    const refuse = (why: Failure): void => {
      callRefused(log, why, { room: request.room, to: request.to, dialler: request.dialler });
      request.refuse(why);
    };
    const { config, sip } = this.#parts;
    const { accounts, routes = [] } = config.sip;
    const room = roomJid(request.room, config.xmpp.mucDomain);
    if (!room.ok) return refuse(room.error);
    const question = { ...request, accounts, routes };
    const plans = planDial(question);
    if (!plans.ok) return refuse(plans.error);
    const id = newCallId();
    const callLog = this.#parts.log.child({ callId: id, room: room.value, direction: 'out' });
    const load = this.#load;
    const lines = new DialLines({
      plans: plans.value,
      room: room.value,
      sip,
      load,
      mayFollow: (target, account) => mayFollow(target, account, question),
      log: callLog,
    });
    const build = (): Promise<Result<Call>> => this.#buildOutgoing(id, room.value, request, lines, callLog);
    const why = await this.#enter(() => lines.close(), build);
    if (why !== undefined) refuse(why);
  }

  async #buildOutgoing(
    id: string,
    room: string,
    request: DialRequest,
    lines: DialLines,
    log: Log,
  ): Promise<Result<Call>> {
    const { xmpp } = this.#parts;
    const line = await lines.next();
    if (!line.ok) return line;
    const { profile, address, place } = line.value;
    callStarted(log, { peer: lines.present?.target ?? '', account: lines.present?.account.name ?? '' });
    return this.#withMedia(id, room, async (media) => {
      const phone = this.#phoneLeg({ profile, address }, room, media, log);
      const prepared = await phone.prepare(place, () => lines.next());
      if (!prepared.ok) return prepared;
      const occupant = xmpp.occupant({
        callId: id,
        room,
        password: request.password,
        displayName: request.to,
      });
      return this.#assemble({ id, room, direction: 'out', phone, occupant, media, log, dial: request });
    });
  }

  #phoneLeg(line: Line, room: string, media: MediaCall, log: Log): PhoneLeg {
    const transfer = this.#transfers.judgeFor(room);
    return new PhoneLeg({ ...line, media, prompts: this.#prompts, log, transfer });
  }

  /** Runs a call that was let in; `giveBack` is done at its end, however it ends. Why it never began, or undefined. */
  async #enter(giveBack: () => void, build: () => Promise<Result<Call>>): Promise<Failure | undefined> {
    const admitted = this.#admit();
    if (!admitted.ok) {
      giveBack();
      return admitted.error;
    }
    const call = await this.#guarded(build);
    if (!call.ok) {
      giveBack();
      this.registry.turnAway();
      return call.error;
    }
    call.value.once('finished', giveBack);
    this.registry.enter(call.value);
    call.value.start();
    return undefined;
  }

  #roomOf(sip: SipCall): Result<string> {
    const { roomHeaders, defaultRoom } = sip.account.profile;
    return resolveRoom({
      header: (name) => sip.header(name),
      roomHeaders,
      defaultRoom,
      mucDomain: this.#parts.config.xmpp.mucDomain,
    });
  }

  #admit(): Result<void> {
    if (!this.#parts.xmpp.online) return fail('xmpp-unreachable');
    return this.registry.admit();
  }

  /** Opens the media and closes it again when the rest of the set-up fails. */
  async #withMedia(
    id: string,
    room: string,
    build: (media: MediaCall) => Promise<Result<Call>>,
  ): Promise<Result<Call>> {
    const media = await this.#parts.media.open(id, room);
    if (!media.ok) return media;
    const built = await this.#guarded(() => build(media.value));
    if (!built.ok) await media.value.close();
    return built;
  }

  async #guarded(build: () => Promise<Result<Call>>): Promise<Result<Call>> {
    try {
      return await build();
    } catch (error) {
      this.#parts.log.error({ event: 'call-bug', err: error }, 'setting up a call failed');
      return fail('internal', String(error));
    }
  }

  #assemble(leg: Assembly): Result<Call> {
    const { id, room, direction, phone, occupant, media, log, dial } = leg;
    const roomLeg = new RoomLeg({ occupant, media, log });
    const sound = new SoundWatch(media, log);
    const parts: CallParts = {
      id,
      room,
      direction,
      phone,
      roomLeg,
      dial,
      diallerPresent: () => dial?.via !== 'direct' || occupant.hasOccupant(dial.dialler),
      timers: this.#timers(),
      closeMedia: async () => {
        await Promise.all([sound.end(), media.close()]);
      },
      log,
    };
    return { ok: true, value: new Call(parts) };
  }

  #timers(): TimerLengths {
    const { call } = this.#parts.config;
    return {
      waiting: 3_000,
      alone: call.aloneAnswerMs,
      invitation: call.invitationSeconds * 1000,
      'room-lost': call.roomLostSeconds * 1000,
      farewell: 5_000,
      'last-words': 10_000,
      ending: 10_000,
    };
  }
}

interface Assembly {
  readonly id: string;
  readonly room: string;
  readonly direction: 'in' | 'out';
  readonly phone: PhoneLeg;
  readonly occupant: Occupant;
  readonly media: MediaCall;
  readonly log: Log;
  readonly dial: DialRequest | undefined;
}

/** Local part of the call’s bare JID. Random, so that a restarted gateway never meets its own ghost. */
function newCallId(): string {
  return randomBytes(6).toString('hex');
}

function firstHeader(sip: SipCall, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = sip.header(name)?.trim();
    if (value !== undefined && value !== '') return value;
  }
  return undefined;
}
