import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { someAccount } from '../../../src/config/account.fixture.ts';
import type { SipAccount } from '../../../src/config/config.ts';
import { DigestClient } from '../../../src/sip/digest.ts';
import { Headers } from '../../../src/sip/message.ts';
import { ended, quickTimes } from '../../kit/sip-engine.ts';
import { type AnyEngine, type EngineKind, onEachEngine, startEngineOf } from '../../kit/sip-engines.ts';
import { SipPeer, someSdp } from '../../kit/sip-peer.ts';
import { until } from '../../kit/until.ts';

const trunkAddress = '127.0.0.2';
const strangerAddress = '127.0.0.3';

interface Scene extends AnyEngine {
  /** The PBX of the first account. */
  readonly pbx: SipPeer;
  /** The server of the second one. */
  readonly trunk: SipPeer;
  readonly second: SipAccount;
}

async function open(context: TestContext, address?: string): Promise<SipPeer> {
  const peer = await SipPeer.open(address);
  context.after(() => peer.close());
  return peer;
}

/** An engine with two accounts, each with a server of its own. */
async function scene(
  context: TestContext,
  kind: EngineKind,
  more: { first?: Partial<SipAccount>; second?: Partial<SipAccount>; pingSeconds?: number } = {},
): Promise<Scene> {
  const [pbx, trunk] = await Promise.all([open(context), open(context, trunkAddress)]);
  const second: SipAccount = {
    ...someAccount,
    name: 'trunk',
    user: '4930',
    domain: 'carrier.test',
    authUser: 'trunk-auth',
    password: 'another',
    displayName: undefined,
    server: trunkAddress,
    port: trunk.port,
    ...more.second,
  };
  const gateway = await startEngineOf(kind, {
    times: quickTimes,
    account: { port: pbx.port, ...more.first },
    others: [second],
    ...(more.pingSeconds !== undefined && { config: { pingSeconds: more.pingSeconds } }),
  });
  context.after(() => gateway.stop());
  return { ...gateway, pbx, trunk, second };
}

async function accountOf({ port, nextCall }: Scene, from: SipPeer, user: string): Promise<string> {
  const callId = `${from.port}-${user}`;
  const uri = `sip:${user}@127.0.0.1:${port}`;
  from.send(from.requestText('INVITE', { port, callId, uri, body: someSdp }), port);
  const call = await nextCall();
  const { name } = call.account;
  call.end({ code: 'no-room' });
  const refusal = await from.response(404);
  from.send(from.requestText('ACK', { port, callId, uri, branch: branchOf(refusal.header('Via')) }), port);
  return name;
}

const branchOf = (via = ''): string => /branch=([^;]+)/.exec(via)?.[1] ?? '';

onEachEngine(
  'each account registers with its own registrar, name and password',
  async (context, kind) => {
    const { engine, account, second, pbx, trunk } = await scene(context, kind);
    const registrations = [account, second].map((one) => engine.register(one));
    for (const [peer, one] of [[pbx, account] as const, [trunk, second] as const]) {
      const request = await peer.request('REGISTER');
      assert.match(request.startLine, new RegExp(`^REGISTER sip:${one.domain} `));
      const challenge = 'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256';
      peer.reply(request, 401, { lines: [`WWW-Authenticate: ${challenge}`] });
      const proven = await peer.request('REGISTER');
      assert.match(proven.header('Authorization') ?? '', new RegExp(`username="${one.authUser}"`));
      assert.match(proven.header('To') ?? '', new RegExp(`${one.user}@${one.domain}`));
      if (peer === trunk) peer.reply(proven, 403, { lines: ['Warning: 399 c "no contract"'] });
      else peer.reply(proven, 200, { lines: ['Expires: 300'] });
    }
    await until('both are settled', () =>
      registrations.every(({ state }) => state === 'registered' || state === 'failed'),
    );
    const [first, other] = engine.accounts();
    assert.partialDeepStrictEqual(first, { account: 'default', registration: 'registered', up: true });
    assert.partialDeepStrictEqual(other, { account: 'trunk', registration: 'failed', up: false });
    assert.match(other?.failure?.detail ?? '', /no contract/);
  },
  { rfc: '3261 §10.2, §22.4' },
);

onEachEngine(
  'a call goes out by the account that it was given, under its name',
  async (context, kind) => {
    const { engine, account, second, pbx, trunk } = await scene(context, kind);
    for (const [peer, one, other] of [[trunk, second, pbx] as const, [pbx, account, trunk] as const]) {
      const options = { account: one, sdp: someSdp, headers: [], noAnswerSeconds: 9 };
      const call = engine.invite(`sip:200@${one.domain}`, options);
      const invite = await peer.request('INVITE');
      assert.match(invite.header('From') ?? '', new RegExp(`<sip:${one.user}@${one.domain}>`));
      assert.equal(call.account, one);
      const end = ended(call);
      peer.reply(invite, 486);
      await end;
      assert.equal(
        other.received.some((message) => message.header('Call-ID') === call.callId),
        false,
      );
    }
  },
  { rfc: '3261 §8.1.1.3' },
);

onEachEngine(
  'a call belongs to the account whose server it comes from, whatever number it asks for',
  async (context, kind) => {
    const all = await scene(context, kind);
    assert.equal(await accountOf(all, all.trunk, '4930123'), 'trunk');
    assert.equal(await accountOf(all, all.pbx, '4930123'), 'default');
  },
  { rfc: '3261 §8.2.2.1' },
);

onEachEngine(
  'of two accounts at one server the one is meant whose user is called',
  async (context, kind) => {
    const all = await scene(context, kind, { second: { server: '127.0.0.1', port: 9 } });
    assert.equal(await accountOf(all, all.pbx, '4930'), 'trunk');
    assert.equal(await accountOf(all, all.pbx, 'gateway'), 'default');
    assert.equal(await accountOf(all, all.pbx, 'anything'), 'default', 'by the port that it comes from');
  },
  { rfc: '3261 §10.2.1' },
);

onEachEngine(
  'a stranger is judged by the account that it asks for',
  async (context, kind) => {
    const all = await scene(context, kind, { second: { allowedSources: ['127.0.0.4'] } });
    const [stranger, listed] = [await open(context, strangerAddress), await open(context, '127.0.0.4')];
    assert.equal(await accountOf(all, listed, 'anything'), 'trunk', 'its list names the source');
    assert.equal(await accountOf(all, stranger, 'anything'), 'default', 'that one takes everybody');
    const { port } = all;
    const uri = `sip:4930@127.0.0.1:${port}`;
    stranger.send(stranger.requestText('INVITE', { port, uri, callId: 'refused', body: someSdp }), port);
    if (kind === 'embedded') {
      // Silence, as configured: what is asked next is what is answered next.
      stranger.send(stranger.requestText('OPTIONS', { port, callId: 'sign-of-life' }), port);
      await stranger.response(200);
      assert.doesNotMatch(stranger.transcript(), /Call-ID: refused/);
    } else await stranger.response(403);
  },
  { rfc: '3261 §26.3.2.4' },
);

onEachEngine(
  'a caller proves to be the one that its account expects',
  async (context, kind) => {
    const all = await scene(context, kind, {
      first: { callers: { user: 'anna', password: 'a' } },
      second: { callers: { user: 'bert', password: 'b' } },
    });
    const { port, nextCall } = all;
    const stranger = await open(context, strangerAddress);
    const uri = `sip:anything@127.0.0.1:${port}`;
    const client = new DigestClient({ user: 'bert', password: 'b' });
    let lines: readonly string[] = [];
    const seen: (string | undefined)[] = [];
    for (let cseq = 1; cseq <= 3; cseq += 1) {
      client.begin();
      stranger.send(
        stranger.requestText('INVITE', { port, uri, callId: 'c', cseq, body: someSdp, lines }),
        port,
      );
      if (cseq === 3) break;
      const challenged = await stranger.next(
        (message) => message.status === 401 && message.header('CSeq') === `${cseq} INVITE`,
      );
      seen.push(/realm="([^"]+)"/.exec(challenged.header('WWW-Authenticate') ?? '')?.[1]);
      const headers = new Headers();
      for (const value of challenged.all('WWW-Authenticate')) headers.add('www-authenticate', value);
      lines = client.answer(401, headers, { method: 'INVITE', uri, body: someSdp }) ?? [];
      const branch = branchOf(challenged.header('Via'));
      stranger.send(stranger.requestText('ACK', { port, uri, callId: 'c', cseq, branch }), port);
    }
    const call = await nextCall();
    assert.equal(call.account.name, 'trunk');
    assert.deepEqual(seen, ['pbx.test', 'carrier.test'], 'first asked by the first account, then by its own');
  },
  { rfc: '3261 §22.2' },
);

onEachEngine(
  'an account is down while its server is, and up again',
  async (context, kind) => {
    const { engine, pbx, trunk } = await scene(context, kind, { pingSeconds: 0.2 });
    let status = 503;
    for (const peer of [pbx, trunk]) {
      void (async () => {
        for (;;) peer.reply(await peer.request('OPTIONS'), peer === pbx ? 200 : status);
      })().catch(() => {});
    }
    const isUp = (name: string) => engine.accounts().find(({ account }) => account === name)?.up;
    await until('the trunk is down', () => isUp('trunk') === false);
    assert.equal(isUp('default'), true);
    status = 404;
    await until('the trunk is up', () => isUp('trunk') === true);
  },
  { rfc: '3261 §11, §21.5.4' },
);

onEachEngine(
  'a silent server is given up soon when another account could take the call',
  async (context, kind) => {
    const { engine, second, trunk } = await scene(context, kind);
    const options = { account: second, sdp: someSdp, headers: [], noAnswerSeconds: 30, impatient: true };
    const call = engine.invite('sip:1@carrier.test', options);
    const [why] = await once(call, 'ended');
    assert.equal(why.code, 'phone-unreachable');
    assert.equal(engine.accounts()[1]?.up, false, 'the next call goes past it');
    // Timer B is 64·T1, and the last repetition would be 63·T1 after the first.
    const sent = trunk.received.filter(({ method }) => method === 'INVITE').length;
    assert.ok(sent >= 2 && sent <= 5, `${sent} INVITEs`);
  },
  { quick: true, rfc: '3263 §4.3' },
);

onEachEngine(
  'a server that was given up and rings after all gets CANCEL; one that answers gets ACK and BYE',
  async (context, kind) => {
    for (const status of [180, 200]) {
      const { engine, second, trunk } = await scene(context, kind);
      const options = { account: second, sdp: someSdp, headers: [], noAnswerSeconds: 30, impatient: true };
      const over = ended(engine.invite('sip:1@carrier.test', options));
      const invite = await trunk.request('INVITE');
      assert.equal((await over).code, 'phone-unreachable');
      const contact = `Contact: <sip:peer@${trunkAddress}:${trunk.port}>`;
      const late = { lines: [contact], contact: false };
      if (status === 180) {
        trunk.reply(invite, 180, late);
        trunk.reply(await trunk.request('CANCEL'), 200);
        trunk.reply(invite, 487);
      } else {
        trunk.reply(invite, 200, { ...late, body: someSdp });
        await trunk.request('ACK');
        trunk.reply(await trunk.request('BYE'), 200);
      }
    }
  },
  { quick: true, rfc: '3261 §9.1, §13.2.2.4' },
);
