import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { quickTimes } from '../../kit/sip-engine.ts';
import { type AnyEngine, type EngineKind, onEachEngine, startEngineOf } from '../../kit/sip-engines.ts';
import { type RawMessage, type RequestText, SipPeer, someSdp } from '../../kit/sip-peer.ts';

interface Scene {
  readonly gateway: AnyEngine;
  readonly peer: SipPeer;
  /** Sends a request outside of a dialog; its final answer. */
  ask(method: string, options?: Partial<RequestText>): Promise<RawMessage>;
}

let asked = 0;

async function scene(context: TestContext, kind: EngineKind): Promise<Scene> {
  const gateway = await startEngineOf(kind, { times: quickTimes });
  const peer = await SipPeer.open();
  context.after(async () => {
    await gateway.stop();
    peer.close();
  });
  const ask: Scene['ask'] = (method, options = {}) => {
    asked += 1;
    const callId = `asked-${asked}`;
    const text = peer.requestText(method, { port: gateway.port, callId, ...options });
    peer.send(text, gateway.port);
    return peer.next(({ status, header }) => status >= 200 && header('Call-ID') === callId);
  };
  return { gateway, peer, ask };
}

const methods = ['INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS', 'INFO', 'UPDATE', 'PRACK'];

function assertAllows(answer: RawMessage): void {
  const allowed = answer.header('Allow')?.split(/,\s*/) ?? [];
  for (const method of methods) assert.ok(allowed.includes(method), `${method} in ${allowed}`);
}

onEachEngine(
  'OPTIONS gets 200 with what we can and how busy we are',
  async (context, kind) => {
    const { gateway, ask } = await scene(context, kind);
    gateway.engine.report({ state: 'open', calls: 3, maxCalls: 50 });
    const answer = await ask('OPTIONS');
    assert.equal(answer.status, 200);
    assertAllows(answer);
    assert.match(answer.header('Accept') ?? '', /application\/sdp/);
    assert.equal(answer.header('X-Jigasi-State'), 'open');
    assert.equal(answer.header('X-Jigasi-Calls'), '3');
    assert.equal(answer.header('X-Jigasi-Max-Calls'), '50');
  },
  { rfc: '3261 §11.2' },
);

onEachEngine(
  'OPTIONS gets 503 and Retry-After when no call would be served',
  async (context, kind) => {
    const { gateway, ask } = await scene(context, kind);
    for (const state of ['full', 'unavailable'] as const) {
      gateway.engine.report({ state, calls: 50, maxCalls: 50 });
      const answer = await ask('OPTIONS');
      assert.equal(answer.status, 503);
      assert.equal(answer.header('X-Jigasi-State'), state);
      assert.match(answer.header('Retry-After') ?? '', /^\d+$/);
    }
    gateway.engine.drain();
    gateway.engine.report({ state: 'open', calls: 0, maxCalls: 50 });
    assert.equal((await ask('OPTIONS')).status, 503);
  },
  { rfc: '3261 §11.2' },
);

onEachEngine(
  'an extension that we do not have is refused by name (420)',
  async (context, kind) => {
    const { ask } = await scene(context, kind);
    const answer = await ask('INVITE', { body: someSdp, lines: ['Require: 100rel, teleport, timer'] });
    assert.equal(answer.status, 420);
    assert.equal(answer.header('Unsupported'), 'teleport');
  },
  { rfc: '3261 §8.2.2.3' },
);

onEachEngine(
  'a body that we cannot read is refused with what we can (415)',
  async (context, kind) => {
    const { ask } = await scene(context, kind);
    const text = await ask('INVITE', { body: 'hello', lines: ['Content-Type: text/plain'] });
    assert.equal(text.status, 415);
    assert.match(text.header('Accept') ?? '', /application\/sdp/);
    const packed = await ask('INVITE', { body: someSdp, lines: ['Content-Encoding: gzip'] });
    assert.equal(packed.status, 415);
    assert.equal(packed.header('Accept-Encoding'), 'identity');
  },
  { rfc: '3261 §8.2.3' },
);

onEachEngine(
  'a caller that does not take SDP gets 406',
  async (context, kind) => {
    const { ask } = await scene(context, kind);
    const answer = await ask('INVITE', { body: someSdp, lines: ['Accept: text/plain'] });
    assert.equal(answer.status, 406);
    assert.match(answer.header('Warning') ?? '', /application\/sdp/);
  },
  { rfc: '3261 §21.4.7' },
);

onEachEngine(
  'a URI of another scheme gets 416',
  async (context, kind) => {
    const { ask } = await scene(context, kind);
    assert.equal((await ask('INVITE', { body: someSdp, uri: 'sips:room@127.0.0.1' })).status, 416);
    assert.equal((await ask('INVITE', { body: someSdp, uri: 'nobody:room' })).status, 416);
  },
  { rfc: '3261 §8.2.2.1' },
);

onEachEngine(
  'a method that we do not serve gets 405, one that nobody knows 501, both with Allow',
  async (context, kind) => {
    const { ask } = await scene(context, kind);
    for (const [method, status] of [
      ['SUBSCRIBE', 405],
      ['PUBLISH', 405],
      ['REGISTER', 405],
      ['TELEPORT', 501],
    ] as const) {
      const answer = await ask(method);
      assert.equal(answer.status, status, method);
      assertAllows(answer);
    }
  },
  { rfc: '3261 §8.2.1', only: 'embedded' },
);

onEachEngine(
  'another version of SIP gets 505',
  async (context, kind) => {
    const { gateway, peer } = await scene(context, kind);
    const text = peer.requestText('OPTIONS', { port: gateway.port, callId: 'seven' });
    peer.send(text.replace(' SIP/2.0\r\n', ' SIP/7.0\r\n'), gateway.port);
    await peer.response(505);
  },
  { rfc: '3261 §21.5.6', only: 'embedded' },
);

onEachEngine(
  'the 200 to INVITE says what we can do',
  async (context, kind) => {
    const { gateway, peer } = await scene(context, kind);
    const { port } = gateway;
    peer.send(peer.requestText('INVITE', { port, callId: 'abilities', body: someSdp }), port);
    (await gateway.nextCall()).answer(someSdp);
    assertAllows(await peer.response(200, 'INVITE'));
  },
  { rfc: '3261 §13.3.1.4' },
);

onEachEngine(
  'a refusal names our reason, and when to come back',
  async (context, kind) => {
    const { gateway, peer } = await scene(context, kind);
    const { port } = gateway;
    peer.send(peer.requestText('INVITE', { port, callId: 'full', body: someSdp }), port);
    (await gateway.nextCall()).end({ code: 'over-capacity' });
    const answer = await peer.response(503, 'INVITE');
    assert.match(answer.startLine, /Gateway is full$/);
    assert.match(answer.header('Retry-After') ?? '', /^\d+$/);
  },
  { rfc: '3261 §21.5.4' },
);
