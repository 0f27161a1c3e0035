import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Headers } from '../message.ts';
import { parseMessage } from '../message-parser.ts';
import { IncomingRequest } from './incoming-message.ts';
import { OutgoingRequest, randomBranch } from './outgoing-message.ts';
import { ServerIndex } from './server-index.ts';
import * as sipJs from './sip-js.ts';

/* One test for each place where we depend on something that sip.js does not promise. */

test('sip.js is the version whose inside we know', () => {
  const path = new URL('../../../node_modules/sip.js/package.json', import.meta.url);
  assert.equal(JSON.parse(readFileSync(path, 'utf8')).version, '0.21.2');
  assert.deepEqual(sipJs.guardSipJs(), []);
});

test('a touch point that is gone stops the start', () => {
  const prototype = sipJs.OutgoingRequestMessage.prototype;
  const original = prototype.setViaHeader;
  Reflect.deleteProperty(prototype, 'setViaHeader');
  try {
    assert.deepEqual(sipJs.guardSipJs(), ['OutgoingRequestMessage.setViaHeader']);
    assert.throws(() => sipJs.prepareSipJs(sipJs.standardTimes, randomBranch), /setViaHeader/);
  } finally {
    prototype.setViaHeader = original;
  }
});

test('Timers: those that sip.js sets to zero have the values for UDP', () => {
  sipJs.prepareSipJs(sipJs.standardTimes, randomBranch);
  const { TIMER_B, TIMER_D, TIMER_H, TIMER_I, TIMER_J, TIMER_K } = sipJs.Timers;
  assert.deepEqual(
    [TIMER_B, TIMER_D, TIMER_H, TIMER_I, TIMER_J, TIMER_K],
    [32_000, 32_000, 32_000, 5_000, 32_000, 5_000],
  );
});

test('ClientTransaction.makeId: branches cannot be guessed', () => {
  const branches = new Set(Array.from({ length: 1_000 }, randomBranch));
  assert.equal(branches.size, 1_000);
  for (const branch of branches) assert.match(branch, /^z9hG4bK[0-9a-f]{18}$/);
});

function outgoing(method: string, extra: string[] = []): OutgoingRequest {
  const uri = new sipJs.URI('sip', 'a', 'example.com');
  return new OutgoingRequest(method, uri, uri, uri, { callId: 'x', fromTag: 'f' }, extra);
}

test('OutgoingRequestMessage.toString: no User-Agent, no empty Supported, each header through the one writer', () => {
  const text = outgoing('OPTIONS', ['X: y']).toString();
  assert.ok(!/User-Agent|Supported/.test(text));
  assert.match(text, /\r\nX: y\r\nContent-Length: 0\r\n\r\n$/);
  assert.throws(() => outgoing('OPTIONS', ['X: y\r\nZ: w']).toString(), /control character/);
});

test('OutgoingRequestMessage.setViaHeader: an ACK gets a branch of ours', () => {
  const request = outgoing('ACK');
  request.setViaHeader('z9hG4bK123', 'UDP');
  assert.match(request.branch ?? '', /^z9hG4bK[0-9a-f]{18}$/);
});

function incoming({ cseq = 1, toTag = '', sdp = '' } = {}): IncomingRequest {
  const text = [
    'INVITE sip:100%@host;x=y SIP/2.0',
    `Via: SIP/2.0/UDP 1.2.3.4;branch=z9hG4bKa${cseq === 1 ? '' : cseq}`,
    'From: <sip:a;b=c@d>;tag=1',
    `To: <sip:100%@host>${toTag && `;tag=${toTag}`}`,
    'Call-ID: x',
    `CSeq: ${cseq} INVITE`,
    'Contact: <sip:E;c=d@HOST:5062;ob>;q=1',
    'Record-Route: <sip:p1;lr>, <sip:p2;lr>',
    ...(sdp === '' ? [] : ['Content-Type: application/sdp', `Content-Length: ${sdp.length}`]),
    '',
    sdp,
  ].join('\r\n');
  const parsed = parseMessage(Buffer.from(text), { address: '1.2.3.4', port: 5060 }, 'udp');
  assert.ok(parsed.ok && parsed.message.kind === 'request');
  return new IncomingRequest(parsed.message);
}

test('IncomingMessage.parseHeader: what sip.js reads comes from our parser, URIs exactly as they were written', () => {
  const request = incoming();
  assert.ok(request instanceof sipJs.IncomingRequestMessage);
  const contact = request.parseHeader('Contact');
  assert.ok(contact instanceof sipJs.NameAddrHeader);
  assert.equal(contact.uri.clone().toRaw(), 'sip:E;c=d@HOST:5062;ob');
  assert.equal(request.ruri?.toString(), 'sip:100%@host;x=y');
  assert.deepEqual(request.getHeaders('Record-Route'), ['<sip:p1;lr>', '<sip:p2;lr>']);
  assert.equal(request.parseHeader('WWW-Authenticate'), undefined);
  assert.equal(request.viaBranch, 'z9hG4bKa 1.2.3.4:5060 INVITE');
});

test('UserAgentCore.userAgentServers: sip.js searches no values, merged requests are found by index', () => {
  const index = new ServerIndex();
  const message = incoming();
  const server = { message } as unknown as sipJs.UserAgentServer;
  index.set('one', server);
  assert.deepEqual([...index.values()], []);
  assert.equal(index.get('one'), server);
  assert.equal(index.isMerged(message.source, 'one'), false);
  assert.equal(index.isMerged(message.source, 'two'), true);
  index.delete('one');
  assert.equal(index.isMerged(message.source, 'two'), false);
});

/** sip.js' own core over a transport that only notes what it sends. */
function bareCore(onInvite?: (server: sipJs.InviteUserAgentServer) => void) {
  sipJs.prepareSipJs(sipJs.standardTimes, randomBranch);
  const sent: string[] = [];
  const nobody = new sipJs.URI('sip', 'nobody', 'invalid');
  const loggerFactory = new sipJs.LoggerFactory();
  loggerFactory.builtinEnabled = false;
  const transport: sipJs.Transport = {
    protocol: 'UDP',
    send: async (text) => void sent.push(text),
  };
  const core = new sipJs.UserAgentCore(
    {
      aor: nobody,
      contact: {
        pubGruu: undefined,
        tempGruu: undefined,
        uri: nobody,
        toString: () => '<sip:nobody@invalid>',
      },
      displayName: '',
      loggerFactory,
      hackViaTcp: false,
      routeSet: [],
      sipjsId: '',
      supportedOptionTags: [],
      supportedOptionTagsResponse: [],
      userAgentHeaderFieldValue: undefined,
      viaForceRport: true,
      viaHost: 'invalid',
      authenticationFactory: () => undefined,
      transportAccessor: () => transport,
    },
    onInvite === undefined ? {} : { onInvite: (server) => onInvite(server as sipJs.InviteUserAgentServer) },
  );
  return { core, sent };
}

test('AllowedMethods: sip.js writes our own list', () => {
  const { core, sent } = bareCore();
  core.configuration.aor = incoming().ruri as sipJs.URI;
  const request = incoming();
  Object.assign(request, { method: 'OPTIONS' });
  core.receiveIncomingRequestFromTransport(request);
  assert.match(
    sent.join(''),
    /\r\nAllow: INVITE, ?ACK, ?CANCEL, ?BYE, ?OPTIONS, ?INFO, ?UPDATE, ?PRACK[\w, ]*\r\n/,
  );
});

test('configuration.aor: a user that sip.js does not know gets 404, and none does when we name each', () => {
  let calls = 0;
  const { core, sent } = bareCore(() => {
    calls += 1;
  });
  core.receiveIncomingRequestFromTransport(incoming());
  assert.match(sent.join(''), /^SIP\/2\.0 404/);
  const request = incoming();
  core.configuration.aor = request.ruri as sipJs.URI;
  core.receiveIncomingRequestFromTransport(request);
  assert.equal(calls, 1);
  core.dispose();
});

test('UserAgentCore.replyStateless: what sip.js refuses by itself goes through it', () => {
  const { core } = bareCore();
  const statuses: (number | undefined)[] = [];
  core.replyStateless = (_message, { statusCode }) => {
    statuses.push(statusCode);
    return { message: '' };
  };
  core.receiveIncomingRequestFromTransport(incoming());
  assert.deepEqual(statuses, [404]);
});

test('UserAgentServer.toTag: the To tag of answers is the one that we set, and can be read', () => {
  const { core, sent } = bareCore((server) => {
    sipJs.setLocalTag(server, 'ours');
    assert.equal(sipJs.localTagOf(server), 'ours');
    server.progress({ statusCode: 180 });
    server.reject({ statusCode: 486 });
  });
  const request = incoming();
  core.configuration.aor = request.ruri as sipJs.URI;
  core.receiveIncomingRequestFromTransport(request);
  assert.deepEqual(
    sent.map((text) => /^To: .*;tag=(\w+)/im.exec(text)?.[1]),
    ['ours', 'ours'],
  );
  core.dispose();
});

test('ClientTransaction.onTransportError: a client that is abandoned leaves nothing', () => {
  const { core } = bareCore();
  const client = core.request(outgoing('OPTIONS'), {}) as sipJs.UserAgentClient;
  assert.equal(core.userAgentClients.size, 1);
  sipJs.abandon(client);
  assert.equal(core.userAgentClients.size, 0);
});

test('UserAgentCore.makeOutgoingRequestMessage: requests of a dialog are made by it', () => {
  const { core, sent } = bareCore();
  const made: string[] = [];
  const original = core.makeOutgoingRequestMessage.bind(core);
  core.makeOutgoingRequestMessage = (method, ...others) => {
    made.push(method);
    return original(method, ...others);
  };
  const dialog = new BareDialog(core);
  dialog.createOutgoingRequestMessage('INFO');
  assert.deepEqual(made, ['INFO']);
  assert.equal(sent.length, 0);
});

class BareDialog extends sipJs.Dialog {
  constructor(core: sipJs.UserAgentCore) {
    const uri = new sipJs.URI('sip', 'a', 'example.com');
    super(core, {
      id: 'xlr',
      early: false,
      callId: 'x',
      localTag: 'l',
      remoteTag: 'r',
      localSequenceNumber: 7,
      remoteSequenceNumber: 5,
      localURI: uri,
      remoteURI: uri,
      remoteTarget: uri,
      routeSet: [],
      secure: false,
    });
  }
}

function inDialog(cseq: number): IncomingRequest {
  const request = incoming();
  Object.assign(request, { method: 'UPDATE', cseq });
  return request;
}

test('Dialog.sequenceGuard and Dialog.receiveRequest: a CSeq counts once, a lower one gets 500', () => {
  const { core, sent } = bareCore();
  const dialog = new BareDialog(core);
  assert.equal(sipJs.countInDialog(dialog, inDialog(6)), true);
  assert.equal(dialog.remoteSequenceNumber, 6);
  assert.equal(sipJs.countInDialog(dialog, inDialog(6)), false);
  assert.match(sent.join(''), /^SIP\/2\.0 500/);
});

test('Dialog.incrementLocalSequenceNumber: our requests count on', () => {
  const dialog = new BareDialog(bareCore().core);
  dialog.incrementLocalSequenceNumber();
  assert.equal(dialog.localSequenceNumber, 8);
});

test('Dialog.dialogState.remoteTarget: an UPDATE moves the peer', () => {
  const dialog = new BareDialog(bareCore().core);
  sipJs.refreshTarget(dialog, new sipJs.URI('sip', 'b', 'example.org'));
  assert.equal(dialog.remoteTarget.toString(), 'sip:b@example.org');
});

test('UserAgentServer: a transaction of our own for a request answers it, and again', () => {
  const { core, sent } = bareCore();
  const server = sipJs.serveTransaction(core, inDialog(1));
  server.accept({ statusCode: 200 });
  server.transaction.receiveRequest(inDialog(1));
  assert.equal(sent.length, 2);
  assert.equal(sent[0], sent[1]);
  server.dispose();
});

test('NonInviteServerTransaction.timerJ: an answered transaction can end at once', () => {
  const { core } = bareCore();
  const server = sipJs.serveTransaction(core, inDialog(1));
  sipJs.finishTransaction(server);
  assert.equal(core.userAgentServers.size, 1, 'it is not answered yet');
  server.accept({ statusCode: 200 });
  sipJs.finishTransaction(server);
  assert.equal(core.userAgentServers.size, 0);
});

test('InviteServerTransaction.timerL: an accepted INVITE can end at once', () => {
  const { core } = bareCore((server) => {
    sipJs.finishTransaction(server);
    assert.equal(core.userAgentServers.size, 1, 'it is not answered yet');
    server.accept({
      statusCode: 200,
      body: { contentDisposition: 'session', contentType: 'application/sdp', content: 'v=0' },
    });
    sipJs.finishTransaction(server);
  });
  const request = incoming();
  core.configuration.aor = request.ruri as sipJs.URI;
  core.receiveIncomingRequestFromTransport(request);
  assert.equal(core.userAgentServers.size, 0);
  core.dispose();
});

test('SessionDialog.dispose: no 2xx is repeated after it, also where a re-INVITE came before the ACK', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const ok = {
    statusCode: 200,
    body: { contentDisposition: 'session', contentType: 'application/sdp', content: 'v=0' },
  };
  let session: sipJs.Session | undefined;
  const { core, sent } = bareCore((server) => {
    session = server.accept(ok).session;
  });
  const request = incoming({ sdp: 'v=0' });
  core.configuration.aor = request.ruri as sipJs.URI;
  core.receiveIncomingRequestFromTransport(request);
  assert.ok(session);
  session.delegate = { onInvite: (again) => void again.accept(ok) };
  core.receiveIncomingRequestFromTransport(incoming({ cseq: 2, toTag: session.localTag, sdp: 'v=0' }));
  const once = sent.length;
  context.mock.timers.tick(600);
  assert.ok(sent.length > once, 'they are repeated');
  session.dispose();
  const before = sent.length;
  context.mock.timers.tick(10 * 64 * 500);
  assert.equal(sent.length, before);
  core.dispose();
});

test('each touch point that is guarded at the start has a test with its name', () => {
  const titles = readFileSync(new URL(import.meta.url), 'utf8');
  const source = readFileSync(new URL('./sip-js.ts', import.meta.url), 'utf8');
  const guarded = [...source.matchAll(/^ {4}\['([\w.]+)/gm)].map(([, name = '']) => name);
  assert.ok(guarded.length >= 14, String(guarded));
  for (const name of guarded) {
    assert.ok(titles.includes(`test('${name}`) || titles.includes(` and ${name}: `), name);
  }
});

test('Headers is ours alone', () => {
  assert.equal(new Headers().get('x'), undefined);
});
