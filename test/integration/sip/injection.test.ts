import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import {
  ended,
  quickTimes,
  startEngine,
  type TestEngine,
  type TestEngineOptions,
} from '../../kit/sip-engine.ts';
import { type RawMessage, SipPeer, someSdp, tagOf } from '../../kit/sip-peer.ts';

// Whatever text reaches the engine, from a room, a file or a peer: no line of its own making reaches the wire.

const evils = ['\r\nX-Evil: 1', '\nX-Evil: 1', '\rX-Evil: 1', '\0', '\u0007', '\u007f', '\r\n\r\nX-Evil: 1'];
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]|\r(?!\n)|(?<!\r)\n/;

async function scene(
  context: TestContext,
  account: (port: number) => TestEngineOptions['account'],
): Promise<{ gateway: TestEngine; peer: SipPeer }> {
  const peer = await SipPeer.open();
  const gateway = await startEngine({
    times: quickTimes,
    account: { port: peer.port, ...account(peer.port) },
  });
  context.after(async () => {
    await gateway.stop();
    peer.close();
  });
  return { gateway, peer };
}

function assertClean(received: readonly RawMessage[]): void {
  for (const { text } of received) {
    assert.doesNotMatch(text.slice(0, text.indexOf('\r\n\r\n')), control);
    assert.doesNotMatch(text, /^X-Evil/im);
  }
}

for (const evil of evils) {
  const shown = JSON.stringify(evil);

  test(`${shown} in a header's name or value, and in a dialled number, is refused before anything is sent`, async (context) => {
    const { gateway, peer } = await scene(context, () => ({}));
    const { engine, account } = gateway;
    const options = { account, sdp: someSdp, noAnswerSeconds: 5 };
    for (const header of [
      { name: 'X-Room', value: `room${evil}` },
      { name: `X-Room${evil}`, value: 'room' },
    ]) {
      assert.throws(() => engine.invite('sip:1@pbx.test', { ...options, headers: [header] }), TypeError);
    }
    for (const target of [`sip:1${evil}@pbx.test`, `sip:1@pbx.test${evil}`, `sip:1@pbx.test;x=${evil}`]) {
      const { code } = await ended(engine.invite(target, { ...options, headers: [] }));
      assert.equal(code, 'bad-request');
    }
    assert.deepEqual(peer.received, []);
  });

  test(`${shown} in a display name does not get out of its quotes`, async (context) => {
    const { gateway, peer } = await scene(context, () => ({ displayName: `Jitsi${evil}"` }));
    const { engine, account } = gateway;
    const call = engine.invite('sip:1@pbx.test', { account, sdp: someSdp, noAnswerSeconds: 5, headers: [] });
    const invite = await peer.request('INVITE');
    assert.match(invite.header('From') ?? '', /^"(?:[^"\\]|\\")*" <sip:gateway@pbx\.test>;tag=/);
    peer.reply(invite, 486);
    await ended(call);
    assertClean(peer.received);
  });

  test(`${shown} in what a phone sends is not passed on or sent back`, async (context) => {
    const { gateway, peer } = await scene(context, () => ({}));
    const plain = peer.requestText('INVITE', { port: gateway.port, callId: 'call', body: someSdp });
    peer.send(plain.replace('"Peer"', `"Pe${evil}er"`), gateway.port);
    peer.send(plain.replace('sip:caller@', `sip:call${evil}er@`), gateway.port);
    peer.send(plain.replace('Call-ID: call', `Call-ID: call${evil}`), gateway.port);
    peer.send(
      peer.requestText('INVITE', { port: gateway.port, callId: 'good', body: someSdp }),
      gateway.port,
    );
    await peer.next((message) => message.header('Call-ID') === 'good');
    assertClean(peer.received);
  });

  test(`${shown} in an ending or an INFO's type stays inside`, async (context) => {
    const { gateway, peer } = await scene(context, () => ({}));
    const dialog = { port: gateway.port, callId: 'call', body: someSdp };
    peer.send(peer.requestText('INVITE', dialog), gateway.port);
    const call = await gateway.nextCall();
    const answered = once(call, 'answered');
    call.answer(someSdp);
    const toTag = tagOf((await peer.response(200, 'INVITE')).header('To'));
    peer.send(peer.requestText('ACK', { port: gateway.port, callId: 'call', toTag }), gateway.port);
    await answered;
    const sent = await call.info(`application/dtmf-relay${evil}`, 'Signal=1').catch(() => undefined);
    assert.notEqual(sent?.ok, true);
    call.end({ code: 'internal', detail: `detail${evil}` });
    peer.reply(await peer.request('BYE'), 200);
    assertClean(peer.received);
  });
}
