import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IceAgent } from './ice-agent.ts';
import {
  bindingError,
  bindingRequest,
  bindingSuccess,
  parseStun,
  type StunContent,
  type StunMessage,
  serializeStun,
} from './stun.ts';
import type { TransportAddress } from './stun-address.ts';
import { StunKey } from './stun-key.ts';

const ours = { ufrag: 'ours', pwd: 'our-password-of-22-chars' };
const theirs = { ufrag: 'them', pwd: 'their-password-of-22-chr' };
const bridge = { address: '192.0.2.10', port: 10_000 };
const other = { address: 'fd00::10', port: 10_000 };
const stranger = { address: '203.0.113.66', port: 666 };

/** An agent and a scripted bridge on a made-up clock: what the agent sends waits in `sent`. */
function stage(candidates: readonly TransportAddress[] = [bridge]) {
  const sent: { message: StunMessage; to: TransportAddress }[] = [];
  const drops: string[] = [];
  const events: string[] = [];
  let now = 1000;
  const agent = new IceAgent({
    local: ours,
    remote: theirs,
    transmit: (datagram, to) => {
      const message = parseStun(datagram);
      assert.ok(message);
      sent.push({ message, to });
    },
    isReachable: () => true,
    onSelected: ({ address }) => events.push(`selected ${address}`),
    onFailed: (why) => events.push(why),
    drop: (reason) => drops.push(reason),
  });
  agent.addRemote(
    candidates.map((address, index) => ({
      ...address,
      foundation: '1',
      priority: 2_000_000_000 - index,
      type: 'host',
    })),
  );
  const pass = (ms: number) => {
    for (const end = now + ms; now < end; ) {
      now += 20;
      agent.tick(now);
    }
  };
  const receive = (content: StunContent, key: string | undefined, from: TransportAddress) =>
    agent.receive(serializeStun(content, key === undefined ? undefined : new StunKey(key)), from, now);
  /** Answers the checks that the agent has sent to `address`. */
  const answer = (address: TransportAddress = bridge, from = address) => {
    for (const { message, to } of sent.splice(0)) {
      if (message.type !== bindingRequest || to.address !== address.address) continue;
      const { transactionId } = message;
      receive({ type: bindingSuccess, transactionId, mappedAddress: address }, theirs.pwd, from);
    }
  };
  return { agent, sent, drops, events, pass, receive, answer };
}

const check: StunContent = {
  type: bindingRequest,
  transactionId: '0102030405060708090a0b0c',
  username: `${ours.ufrag}:${theirs.ufrag}`,
  priority: 1_845_501_695,
  role: 'controlling',
  tieBreaker: 5n,
};

test('the agent checks first, because a videobridge does not know where we are', () => {
  const { sent, events, pass, answer } = stage();
  pass(20);
  const [first] = sent;
  assert.ok(first);
  assert.equal(first.message.type, bindingRequest);
  assert.equal(first.message.username, 'them:ours');
  assert.equal(first.message.role, 'controlled');
  assert.ok(first.message.isSignedWith(new StunKey(theirs.pwd)) && first.message.hasFingerprint);
  answer();
  assert.deepEqual(events, ['selected 192.0.2.10'], 'a valid pair is used at once');
});

test('forged requests get no answer, make no candidate and open no way for media', () => {
  const { agent, sent, drops, receive } = stage();
  const forged: [StunContent, string | undefined][] = [
    [check, undefined],
    [check, 'wrong-password-of-22-chr'],
    [{ ...check, username: 'ours:else' }, ours.pwd],
    [{ ...check, username: `${theirs.ufrag}:${ours.ufrag}` }, ours.pwd],
  ];
  for (const [content, key] of forged) receive(content, key, stranger);
  agent.receive(serializeStun(check, new StunKey(ours.pwd)).subarray(0, -8), stranger, 1000);
  assert.deepEqual(sent, []);
  assert.equal(agent.isAuthenticated(stranger), false);
  assert.deepEqual(drops, ['stun-auth', 'stun-auth', 'stun-auth', 'stun-auth', 'malformed-stun']);
});

test('a request without FINGERPRINT is not answered', () => {
  const { agent, sent } = stage();
  const bare = Buffer.from(serializeStun(check, new StunKey(ours.pwd)).subarray(0, -8));
  bare.writeUInt16BE(bare.length - 20, 2);
  agent.receive(bare, bridge, 1000);
  assert.deepEqual(sent, []);
});

test('a forged answer to our check selects nothing', () => {
  const { agent, sent, events, drops, pass, receive, answer } = stage();
  pass(20);
  const transactionId = sent[0]?.message.transactionId ?? '';
  receive({ type: bindingSuccess, transactionId, mappedAddress: bridge }, undefined, bridge);
  receive({ type: bindingSuccess, transactionId, mappedAddress: bridge }, ours.pwd, bridge);
  receive({ type: bindingSuccess, transactionId: 'ff'.repeat(12) }, theirs.pwd, bridge);
  answer(bridge, stranger);
  assert.deepEqual(events, []);
  assert.equal(agent.selected, undefined);
  assert.deepEqual(drops, ['stun-auth', 'stun-auth', 'stun-stray', 'stun-asymmetric']);
});

test('a check from an address that no candidate named makes us check it, and then media may come from there', () => {
  const { agent, sent, events, pass, receive, answer } = stage([other]);
  receive(check, ours.pwd, bridge);
  assert.equal(sent[0]?.message.type, bindingSuccess);
  assert.deepEqual(sent[0]?.message.mappedAddress, bridge);
  assert.equal(agent.isAuthenticated(bridge), false, 'an answer to our own check is still missing');
  pass(20);
  answer();
  assert.equal(agent.isAuthenticated(bridge), true);
  assert.deepEqual(events, ['selected 192.0.2.10']);
});

test('the pair that the bridge nominates is used, whichever was valid first', () => {
  const { events, pass, receive, answer } = stage([bridge, other]);
  pass(40);
  answer(bridge);
  pass(100);
  answer(other);
  assert.deepEqual(events, ['selected 192.0.2.10']);
  receive({ ...check, useCandidate: true }, ours.pwd, other);
  assert.deepEqual(events, ['selected 192.0.2.10', 'selected fd00::10']);
});

test('a nomination that comes before our own check has succeeded is kept', () => {
  const { events, pass, receive, answer } = stage([bridge, other]);
  receive({ ...check, useCandidate: true }, ours.pwd, other);
  pass(40);
  answer(other);
  assert.deepEqual(events, ['selected fd00::10']);
});

test('a peer that believes itself controlled is told to change its role', () => {
  const { sent, receive } = stage();
  receive({ ...check, role: 'controlled' }, ours.pwd, bridge);
  assert.equal(sent[0]?.message.type, bindingError);
  assert.equal(sent[0]?.message.errorCode, 487);
});

test('a lost check is repeated', () => {
  const { sent, events, pass, answer } = stage();
  pass(20);
  const first = sent.splice(0)[0]?.message.transactionId;
  pass(200);
  assert.equal(sent[0]?.message.transactionId, first);
  answer();
  assert.equal(events.length, 1);
});

test('a bridge that cannot be reached fails the leg after twelve seconds, not before', () => {
  const { events, pass } = stage();
  pass(11_900);
  assert.deepEqual(events, []);
  pass(200);
  assert.deepEqual(events, ['ice-failed']);
});

test('a bridge that stops answering is lost within five seconds; one lost answer does no harm', () => {
  const { sent, events, pass, answer } = stage();
  pass(20);
  answer();
  for (let second = 0; second < 10; second += 1) {
    pass(1300);
    if (second % 2 === 0) answer();
    else sent.length = 0;
  }
  assert.deepEqual(events, ['selected 192.0.2.10']);
  pass(1300);
  answer();
  pass(5000);
  assert.deepEqual(events, ['selected 192.0.2.10', 'bridge-lost']);
});

test('a closed agent is silent', () => {
  const { agent, sent, pass, receive } = stage();
  agent.close();
  pass(1000);
  receive(check, ours.pwd, bridge);
  assert.deepEqual(sent, []);
});
