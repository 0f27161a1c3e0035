import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { DtlsServer } from 'werift';
import { DtlsHandshake, type DtlsOptions } from '../../src/media/worker/dtls.ts';
import { type Handshake, HandshakeThread } from '../../src/media/worker/handshakes.ts';
import { createCertificate, type DtlsCertificate, type SrtpKeys } from '../../src/media/worker/werift.ts';

type ServerTransport = ConstructorParameters<typeof DtlsServer>[0]['transport'];

/** Runs a handshake with a DTLS server that shows `certificate` and signs with the key of `signer`. */
async function shakeHands(
  certificate: DtlsCertificate,
  signer: DtlsCertificate,
  signalled = certificate.fingerprint,
  open: (options: DtlsOptions) => Handshake = (options) => new DtlsHandshake(options),
) {
  const ended = Promise.withResolvers<{ keys: SrtpKeys } | { failed: string }>();
  const transport: ServerTransport = {
    type: 'test',
    address: { address: '', family: '', port: 0 },
    closed: false,
    onData: () => {},
    send: async (datagram) => void setImmediate(() => client.receive(datagram)),
    close: async () => {},
  };
  const server = new DtlsServer({
    cert: certificate.certPem,
    key: signer.keyPem,
    signatureHash: certificate.signatureHash,
    transport,
    srtpProfiles: [1],
    extendedMasterSecret: true,
    certificateRequest: true,
  });
  const client = open({
    certificate: await createCertificate(),
    profiles: ['AES_CM_128_HMAC_SHA1_80'],
    expected: { hash: 'sha-256', value: signalled, setup: 'actpass' },
    transmit: (datagram) => void setImmediate(() => transport.onData(datagram, ['', 0])),
    onKeys: (keys) => ended.resolve({ keys }),
    onFailed: (failed) => ended.resolve({ failed }),
    drop: () => {},
  });
  client.start(performance.now());
  const result = await ended.promise;
  client.close();
  server.dtls.flight = Number.MAX_SAFE_INTEGER;
  return { result, server };
}

test('an honest server and we agree on the same SRTP keys', async () => {
  const certificate = await createCertificate();
  const { result, server } = await shakeHands(certificate, certificate);
  assert.ok('keys' in result, JSON.stringify(result));
  assert.equal(result.keys.profile, 'AES_CM_128_HMAC_SHA1_80');
  const theirs = server.extractSessionKeys(16, 14);
  assert.deepEqual(result.keys.local.key, theirs.remoteKey);
  assert.deepEqual(result.keys.remote.salt, theirs.localSalt);
});

test('somebody who relays the certificate of the bridge without its key gets no media', async () => {
  const [certificate, signer] = [await createCertificate(), await createCertificate()];
  const { result } = await shakeHands(certificate, signer);
  assert.deepEqual(result, { failed: 'the key exchange is not signed by the certificate' });
});

test('a certificate that signalling did not name gets no media', async () => {
  const [certificate, named] = [await createCertificate(), await createCertificate()];
  const { result } = await shakeHands(certificate, certificate, named.fingerprint);
  assert.deepEqual(result, { failed: 'the certificate has another fingerprint than the offer says' });
});

test('a ClientHello that the bridge was not ready for is repeated at once', async () => {
  const sent: Buffer[] = [];
  const client = new DtlsHandshake({
    certificate: await createCertificate(),
    profiles: ['AES_CM_128_HMAC_SHA1_80'],
    expected: { hash: 'sha-256', value: '00', setup: 'actpass' },
    transmit: (datagram) => sent.push(datagram),
    onKeys: () => {},
    onFailed: () => {},
    drop: () => {},
  });
  client.start(0);
  await new Promise((resolve) => setImmediate(resolve));
  for (let now = 20; now <= 400; now += 20) client.tick(now);
  assert.ok(sent.length >= 4, `${sent.length} sent`);
  assert.deepEqual(sent[1], sent[0]);
  client.close();
});

test('a server that never answers fails after ten seconds of the call, and random datagrams throw nothing', async () => {
  const failures: string[] = [];
  const client = new DtlsHandshake({
    certificate: await createCertificate(),
    profiles: ['AES_CM_128_HMAC_SHA1_80'],
    expected: { hash: 'sha-256', value: '00', setup: 'actpass' },
    transmit: () => {},
    onKeys: () => assert.fail('no keys'),
    onFailed: (detail) => failures.push(detail),
    drop: () => {},
  });
  client.start(0);
  for (const type of [20, 21, 22, 23, 24, 63]) {
    for (let length = 1; length < 80; length += 1) {
      const datagram = Buffer.alloc(length, length);
      datagram[0] = type;
      if (length > 12) datagram.writeUInt16BE(length - 13, 11);
      client.receive(datagram);
    }
  }
  client.tick(9999);
  assert.deepEqual(failures, []);
  client.tick(10_000);
  assert.equal(failures.length, 1);
  client.close();
});

/** Handshakes in a thread of their own, as media workers have it. */
function handshakeThread(t: TestContext): HandshakeThread {
  const thread = new HandshakeThread((error) => assert.fail(String(error)));
  t.after(() => thread.stop());
  return thread;
}

test('a thread of its own agrees on the same keys, on several legs at once', async (t) => {
  const thread = handshakeThread(t);
  const certificate = await createCertificate();
  const open = (options: DtlsOptions) => thread.open(options);
  const shaken = await Promise.all(
    Array.from({ length: 5 }, () => shakeHands(certificate, certificate, certificate.fingerprint, open)),
  );
  for (const { result, server } of shaken) {
    assert.ok('keys' in result, JSON.stringify(result));
    const theirs = server.extractSessionKeys(16, 14);
    assert.deepEqual(result.keys.local.key, theirs.remoteKey);
    assert.deepEqual(result.keys.remote.key, theirs.localKey);
    assert.deepEqual(result.keys.local.salt, theirs.remoteSalt);
  }
});

test('in a thread of its own, too, a bridge without the key of its certificate gets no media', async (t) => {
  const thread = handshakeThread(t);
  const [certificate, signer] = [await createCertificate(), await createCertificate()];
  const { result } = await shakeHands(certificate, signer, certificate.fingerprint, (options) =>
    thread.open(options),
  );
  assert.deepEqual(result, { failed: 'the key exchange is not signed by the certificate' });
});

test('a thread that dies fails the handshakes under way, and no later one', async (t) => {
  const thread = handshakeThread(t);
  const failed = Promise.withResolvers<string>();
  const certificate = await createCertificate();
  const lost = thread.open({
    certificate,
    profiles: ['AES_CM_128_HMAC_SHA1_80'],
    expected: { hash: 'sha-256', value: '00', setup: 'actpass' },
    transmit: () => {},
    onKeys: () => assert.fail('there is no peer'),
    onFailed: failed.resolve,
    drop: () => {},
  });
  lost.start(0);
  await thread.stop();
  assert.equal(await failed.promise, 'the thread of the handshakes ended');
  const { result } = await shakeHands(certificate, certificate, certificate.fingerprint, (options) =>
    thread.open(options),
  );
  assert.ok('keys' in result, JSON.stringify(result));
});

test('datagrams that nobody waits for, or that are too many, are dropped and counted', async (t) => {
  const thread = handshakeThread(t);
  const drops: string[] = [];
  const handshake = thread.open({
    certificate: await createCertificate(),
    profiles: ['AES_CM_128_HMAC_SHA1_80'],
    expected: { hash: 'sha-256', value: '00', setup: 'actpass' },
    transmit: () => {},
    onKeys: () => assert.fail('there is no peer'),
    onFailed: (detail) => assert.fail(detail),
    drop: (reason) => drops.push(reason),
  });
  handshake.start(0);
  for (let count = 0; count < 66; count += 1) handshake.receive(Buffer.from([22, 254, 253]));
  assert.deepEqual(drops, ['busy', 'busy']);
  handshake.close();
  handshake.receive(Buffer.from([22, 254, 253]));
  assert.equal(drops.at(-1), 'dtls-late');
});
