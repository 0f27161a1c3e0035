import type { EventEmitter } from 'node:events';
import type { Failure } from '../errors.ts';

/** All that speaks XMPP: the component stream, dial requests, the brewery, and one `Occupant` per call. */
export interface XmppSide extends EventEmitter<XmppSideEvents> {
  readonly online: boolean;
  /** Connects for ever. Resolves when first online; rejects only for what cannot heal (wrong secret). */
  start(): Promise<void>;
  /** Leaves the brewery and closes the stream. Occupants must have left before. */
  stop(): Promise<void>;
  /** A new identity in a room: `callid@component`, nick of 8 hex digits. Nothing is sent before `join`. */
  occupant(options: OccupantOptions): Occupant;
  /** What the brewery publishes (Jicofo picks the least `participants`). */
  publish(load: GatewayLoad): void;
}

export interface XmppSideEvents {
  online: [];
  offline: [];
  dial: [request: DialRequest];
  /** Prosody refused us for good, e.g. wrong secret. `remedy` names the setting. */
  fatal: [why: Error];
}

export interface GatewayLoad {
  readonly conferences: number;
  readonly participants: number;
  readonly draining: boolean;
  /** 0 to 1 and above. */
  readonly stress: number;
}

/** A Rayo `dial` (XEP-0327) that passed syntax and sender checks. Exactly one of `accept` and `refuse` must be called, once. */
export interface DialRequest {
  /** Dialled number or SIP user, free of control characters, at most 128 characters. */
  readonly to: string;
  /** Bare room JID (`JvbRoomName`). */
  readonly room: string;
  readonly password: string | undefined;
  /** The other headers, checked for characters and length, not yet for names. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** Came through the brewery's focus, or straight from an occupant. */
  readonly via: 'brewery' | 'direct';
  /** For direct dials: the real JID that must be found among the occupants of the room once we are in it. */
  readonly dialler: string;
  /** `<ref uri='xmpp:room/nick'/>`. */
  accept(occupantJid: string): void;
  refuse(why: Failure): void;
}

export interface OccupantOptions {
  /** Local part of the bare JID, unique for ever. */
  readonly callId: string;
  readonly room: string;
  readonly password: string | undefined;
  readonly displayName: string;
}

/**
 * The room leg's signalling. It asks the focus for the conference, joins, answers disco, speaks Jingle with the focus, and by
 * itself comes back (new identity) after the component stream broke, and repeats the conference request when the focus left.
 */
export interface Occupant extends EventEmitter<OccupantEvents> {
  /** `room/nick` of the present identity. */
  readonly occupantJid: string;
  /** Others in the room, without ourselves and the focus. */
  readonly others: number;
  /** Whether a real JID (full, compared exactly; bare when it has no resource) is in the room. */
  hasOccupant(realJid: string): boolean;
  join(): void;
  /** Answers the session-initiate `sid` (session-accept). */
  accept(sid: string, answer: JingleAnswer): void;
  /** Refuses or ends the session `sid`; with `restart` the focus is asked to invite again (at most once in 5 s). */
  terminate(sid: string, why: 'success' | 'connectivity-error' | 'failed-transport', restart?: boolean): void;
  /** Presence `<status>`. */
  setStatus(text: string): void;
  setAudioMuted(muted: boolean): void;
  /** Terminates the session, leaves the room (with the last `<status>`) and is done. */
  leave(status?: string): Promise<void>;
}

export interface OccupantEvents {
  /** In the room. Again after each return of the stream. */
  joined: [];
  /** Number of others changed. */
  others: [count: number];
  /** A session-initiate; a second one replaces the first. Must be answered by `accept` or `terminate`. */
  offer: [offer: JingleOffer];
  'sources-added': [ssrcs: readonly number[]];
  /** By source-remove, or because their owner left. */
  'sources-removed': [ssrcs: readonly number[]];
  candidates: [candidates: readonly JingleCandidate[]];
  /** The focus ended the session; the room leg waits for a new offer. */
  'session-ended': [sid: string, reason: string];
  /** The stream or the focus is gone; media goes on while it lasts. */
  interrupted: [];
  /** The moderator asked for silence (the focus' mute IQ). */
  mute: [on: boolean];
  /** A Rayo hangup from an occupant of the room. */
  hangup: [by: string];
  /** It is over: join refused, kicked, room destroyed. Nothing follows. */
  failed: [why: Failure];
}

export interface JingleOffer {
  readonly sid: string;
  readonly transport: JingleTransport;
  readonly fingerprint: JingleFingerprint;
  readonly opusPayloadType: number;
  readonly telephoneEventPayloadType: number | undefined;
  readonly audioLevelId: number | undefined;
  /** Audio SSRCs of the room, without `jvb`'s own. */
  readonly sources: readonly number[];
  readonly startMuted: boolean;
}

export interface JingleAnswer {
  readonly transport: JingleTransport;
  readonly fingerprint: JingleFingerprint;
  readonly ssrc: number;
}

export interface JingleTransport {
  readonly ufrag: string;
  readonly pwd: string;
  readonly candidates: readonly JingleCandidate[];
}

export interface JingleCandidate {
  readonly foundation: string;
  readonly priority: number;
  readonly address: string;
  readonly port: number;
  readonly type: 'host' | 'srflx' | 'prflx' | 'relay';
}

export interface JingleFingerprint {
  readonly hash: string;
  readonly value: string;
  readonly setup: 'actpass' | 'active' | 'passive';
}
