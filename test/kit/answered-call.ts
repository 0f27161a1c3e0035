import { once } from 'node:events';
import type { TestContext } from 'node:test';
import type { SipCall } from '../../src/sip/engine.ts';
import { quickTimes } from './sip-engine.ts';
import { type AnyEngine, type EngineKind, startEngineOf } from './sip-engines.ts';
import { type RawMessage, type RequestText, SipPeer, someSdp, tagOf } from './sip-peer.ts';

export interface AnsweredCall {
  readonly gateway: AnyEngine;
  readonly peer: SipPeer;
  readonly call: SipCall;
  /** Our 200. */
  readonly accepted: RawMessage;
  /** Sends a request of the peer inside the dialog; its text. */
  send(method: string, options: Partial<RequestText>): string;
}

let calls = 0;

/** An engine and a peer that end with the test. */
export async function engineAndPeer(
  context: TestContext,
  kind: EngineKind,
): Promise<Pick<AnsweredCall, 'gateway' | 'peer'>> {
  const gateway = await startEngineOf(kind, { times: quickTimes });
  const peer = await SipPeer.open();
  context.after(async () => {
    await gateway.stop();
    peer.close();
  });
  return { gateway, peer };
}

/** An incoming call, answered and acknowledged. */
export async function answeredCall(context: TestContext, kind: EngineKind): Promise<AnsweredCall> {
  const { gateway, peer } = await engineAndPeer(context, kind);
  calls += 1;
  const callId = `answered-${calls}`;
  peer.send(peer.requestText('INVITE', { port: gateway.port, callId, body: someSdp }), gateway.port);
  const call = await gateway.nextCall();
  call.answer(someSdp);
  const accepted = await peer.response(200);
  const toTag = tagOf(accepted.header('To'));
  const answered = once(call, 'answered');
  peer.send(peer.requestText('ACK', { port: gateway.port, callId, toTag }), gateway.port);
  await answered;
  const send: AnsweredCall['send'] = (method, options) => {
    const text = peer.requestText(method, { port: gateway.port, callId, toTag, ...options });
    peer.send(text, gateway.port);
    return text;
  };
  return { gateway, peer, call, accepted, send };
}

/** What a phone sends for a digit. */
export const digitInfo = {
  lines: ['Content-Type: application/dtmf-relay'],
  body: 'Signal=5\r\nDuration=160\r\n',
} as const;
