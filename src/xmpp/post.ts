import type { IqRequests } from './iq-requests.ts';
import type { Element } from './stanza.ts';

/** The component stream as the parts above it see it. */
export interface Post {
  readonly online: boolean;
  readonly requests: IqRequests;
  /** False: not sent, the stream is down. */
  send(stanza: Element): boolean;
}

/** Waiting times in milliseconds; tests shorten them. */
export interface Timing {
  /** One conference request. */
  readonly conferenceMs: number;
  /** From `join()` to being in the room, all repetitions included; Jicofo gives a dial 15 s. */
  readonly joinMs: number;
  /** First and longest pause before something that failed is tried again. */
  readonly retryMs: number;
  readonly retryLimitMs: number;
  /** Our own unavailable presence after a leave. */
  readonly leaveMs: number;
  /** session-accept and session-terminate. */
  readonly jingleMs: number;
  /** After so long the sources of somebody who left by presence alone are dropped. */
  readonly departureMs: number;
  /** Self-presence of the brewery. */
  readonly breweryMs: number;
  /** Silence on the stream after which Prosody is asked for a sign of life. */
  readonly quietMs: number;
}

export const usualTiming: Timing = {
  conferenceMs: 5000,
  joinMs: 10_000,
  retryMs: 2000,
  retryLimitMs: 5000,
  leaveMs: 2000,
  jingleMs: 15_000,
  departureMs: 1000,
  breweryMs: 5000,
  quietMs: 15_000,
};
