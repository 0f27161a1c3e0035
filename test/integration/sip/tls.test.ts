import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFile } from 'node:fs/promises';
import { after, type TestContext, test } from 'node:test';
import type { SipAccount, SipTls } from '../../../src/config/config.ts';
import { type Certificate, pem, startAuthority } from '../../kit/certificates.ts';
import { type Kamailio, type KamailioOptions, startKamailio } from '../../kit/kamailio.ts';
import { ended, startEngine, type TestEngine } from '../../kit/sip-engine.ts';
import { someSdp } from '../../kit/sip-peer.ts';
import { TlsPeer } from '../../kit/tls-peer.ts';

const authority = await startAuthority();
const stranger = await startAuthority();
const server = await authority.issue('server', 'IP:127.0.0.1,DNS:localhost');
const gatewayCertificate = await authority.issue('gateway', 'DNS:localhost');
after(() => Promise.all([authority.close(), stranger.close()]));

async function registrar(context: TestContext, tls: Partial<NonNullable<KamailioOptions['tls']>> = {}) {
  const users = { gateway: 'secret', phone: 'other' };
  const kamailio = await startKamailio({ users, tls: { ...server, ...tls } });
  context.after(() => kamailio.close());
  return kamailio;
}

async function gateway(
  context: TestContext,
  kamailio: Kamailio | undefined,
  tls: SipTls,
  account: Partial<SipAccount> = {},
): Promise<TestEngine> {
  const engine = await startEngine({
    account: { port: kamailio?.tlsPort ?? 9, transport: 'tls', ...account },
    transports: kamailio === undefined ? ['udp', 'tls'] : ['udp', 'tcp'],
    config: { tls },
  });
  context.after(() => engine.stop());
  return engine;
}

function listening(context: TestContext, certificate: Certificate, more: SipTls = {}): Promise<TestEngine> {
  const files = { certificateFile: certificate.certificate, keyFile: certificate.key };
  return gateway(context, undefined, { ...files, ...more });
}

async function register({ engine, account }: TestEngine) {
  const registration = engine.register(account);
  return Promise.race([
    once(registration, 'registered').then(() => 'registered' as const),
    once(registration, 'failed').then(([why]) => why.code as string),
  ]);
}

const trusted: SipTls = { caFile: authority.ca };

for (const [version, method] of [
  ['TLSv1.2', 'TLSv1.2'],
  ['TLSv1.3', 'TLSv1.2+'],
] as const) {
  test(`kamailio registers us over ${version}, by address and by name`, async (context) => {
    const kamailio = await registrar(context, { method });
    for (const host of ['127.0.0.1', 'localhost']) {
      const engine = await gateway(context, kamailio, { ...trusted, minVersion: version }, { server: host });
      assert.equal(await register(engine), 'registered');
    }
  });
}

test('calls over TLS through kamailio, out and in, on the connection of the registration', async (context) => {
  const kamailio = await registrar(context);
  const us = await gateway(context, kamailio, trusted);
  const phone = await gateway(context, kamailio, trusted, {
    user: 'phone',
    authUser: 'phone',
    password: 'other',
  });
  assert.deepEqual(await Promise.all([register(us), register(phone)]), ['registered', 'registered']);
  const call = us.engine.invite('sip:phone@pbx.test', {
    account: us.account,
    sdp: someSdp,
    headers: [],
    noAnswerSeconds: 10,
  });
  const incoming = await phone.nextCall();
  const answered = once(call, 'answered');
  const acknowledged = once(incoming, 'answered');
  incoming.answer(someSdp);
  await Promise.all([answered, acknowledged]);
  const info = once(call, 'info');
  assert.equal((await incoming.info('application/dtmf-relay', 'Signal=5')).ok, true);
  await info;
  const over = ended(incoming);
  call.end({ code: 'hangup' });
  assert.equal((await over).code, 'hangup');
});

test('a server whose authority we do not know is not spoken to, unless verification is off', async (context) => {
  const kamailio = await registrar(context);
  assert.equal(await register(await gateway(context, kamailio, {})), 'phone-unreachable');
  assert.equal(
    await register(await gateway(context, kamailio, { caFile: stranger.ca })),
    'phone-unreachable',
  );
  assert.equal(await register(await gateway(context, kamailio, { verify: false })), 'registered');
});

test('a certificate for another name is refused', async (context) => {
  const other = await authority.issue('other', 'DNS:other.test');
  const kamailio = await registrar(context, other);
  assert.equal(await register(await gateway(context, kamailio, trusted)), 'phone-unreachable');
});

test('a server that wants TLS 1.3 is not reached by one that speaks less, and the other way round', async (context) => {
  const kamailio = await registrar(context, { method: 'TLSv1.2' });
  const engine = await gateway(context, kamailio, { ...trusted, minVersion: 'TLSv1.3' });
  assert.equal(await register(engine), 'phone-unreachable');
});

test('a server that asks for a certificate gets ours', async (context) => {
  const kamailio = await registrar(context, { clientsOf: authority.ca });
  assert.equal(await register(await gateway(context, kamailio, trusted)), 'phone-unreachable');
  const { certificate: certificateFile, key: keyFile } = gatewayCertificate;
  assert.equal(
    await register(await gateway(context, kamailio, { ...trusted, certificateFile, keyFile })),
    'registered',
  );
});

test('a connection that the registrar closed is opened and registered again', async (context) => {
  const kamailio = await registrar(context);
  const engine = await gateway(context, kamailio, trusted);
  assert.equal(await register(engine), 'registered');
  const before = kamailio.lines.length;
  await kamailio.restart();
  await kamailio.registered('gateway', before);
});

function request(method: string, lines: readonly string[], body = ''): string {
  const head = [
    `${method} sip:room@localhost SIP/2.0`,
    `Via: SIP/2.0/TLS 127.0.0.1:5061;branch=z9hG4bK${Math.random()};rport`,
    'From: <sip:caller@pbx.test>;tag=a',
    'Max-Forwards: 70',
    // Nobody listens there: the way back is the connection.
    'Contact: <sip:caller@127.0.0.1:9;transport=tls>',
    ...lines,
    ...(body === '' ? [] : ['Content-Type: application/sdp']),
    `Content-Length: ${body.length}`,
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

const options = (id: string): string =>
  request('OPTIONS', ['To: <sip:room@localhost>', `Call-ID: ${id}`, 'CSeq: 1 OPTIONS']);

test('a call that comes in over TLS: our BYE goes back on its connection', async (context) => {
  const us = await listening(context, gatewayCertificate);
  const ca = await pem(authority.ca);
  const peer = await TlsPeer.connect(us.engine.tlsPort, { ca, servername: 'localhost' });
  context.after(() => peer.close());
  peer.send(request('INVITE', ['To: <sip:room@localhost>', 'Call-ID: in', 'CSeq: 1 INVITE'], someSdp));
  const call = await us.nextCall();
  call.answer(someSdp);
  const accepted = await peer.next(/^SIP\/2.0 200/);
  assert.match(accepted, new RegExp(`Contact: <sip:room@127.0.0.1:${us.engine.tlsPort};transport=tls>`));
  const to = /\r\nTo: ([^\r]*)/.exec(accepted)?.[1];
  const answered = once(call, 'answered');
  peer.send(request('ACK', [`To: ${to}`, 'Call-ID: in', 'CSeq: 1 ACK']));
  await answered;
  call.end({ code: 'hangup' });
  assert.match(await peer.next(/^BYE /), /Via: SIP\/2.0\/TLS /);
});

test('a new certificate is shown to new connections, and the open ones stay', async (context) => {
  const files = await authority.issue('renewed', 'DNS:localhost');
  const us = await listening(context, files);
  const ca = await pem(authority.ca);
  const connect = () => TlsPeer.connect(us.engine.tlsPort, { ca, servername: 'localhost' });
  const first = await connect();
  await us.engine.reloadCertificates();
  const next = await authority.issue('next', 'DNS:localhost');
  await copyFile(next.certificate, files.certificate);
  await us.engine.reloadCertificates();
  assert.equal(await handshakeName(connect), 'renewed', 'a certificate without its key is not taken');
  await copyFile(next.key, files.key);
  await us.engine.reloadCertificates();
  assert.equal(await handshakeName(connect), 'next');
  first.send(options('still'));
  await first.next(/^SIP\/2.0 200/);
  first.close();
});

async function handshakeName(connect: () => Promise<TlsPeer>): Promise<string | undefined> {
  const peer = await connect();
  const { CN } = peer.socket.getPeerCertificate().subject;
  peer.close();
  return String(CN);
}

test('who must show a certificate and has none, or one of a stranger, is not served', async (context) => {
  const us = await listening(context, gatewayCertificate, { caFile: authority.ca, verifyClients: true });
  const ca = await pem(authority.ca);
  const foreign = await stranger.issue('foreign', 'DNS:phone.test');
  for (const own of [undefined, foreign, server]) {
    const shown = own && { cert: await pem(own.certificate), key: await pem(own.key) };
    const peer = await TlsPeer.connect(us.engine.tlsPort, { ca, servername: 'localhost', ...shown });
    const { promise: closed, resolve } = Promise.withResolvers<string>();
    peer.socket.once('close', () => resolve('closed'));
    peer.send(options('who'));
    const outcome = await Promise.race([closed, peer.next(/^SIP\/2.0 200/).then(() => 'served')]);
    assert.equal(outcome, own === server ? 'served' : 'closed');
    peer.close();
  }
});
