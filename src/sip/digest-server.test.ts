import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DigestClient } from './digest.ts';
import { DigestServer } from './digest-server.ts';
import { Headers } from './message.ts';

const credentials = { user: 'trunk', password: 'sécret' };
const invite = { method: 'INVITE', uri: 'sip:room@gw', body: 'v=0\r\n' };

function challengeOf(server: DigestServer, keep: (line: string) => boolean = () => true): Headers {
  const headers = new Headers();
  for (const line of server.challenge()) {
    const value = line.slice(line.indexOf(':') + 2);
    if (keep(value)) headers.add('www-authenticate', value);
  }
  return headers;
}

function answered(lines: readonly string[] | undefined): Headers {
  const headers = new Headers();
  for (const line of lines ?? []) headers.add('authorization', line.slice(line.indexOf(':') + 2));
  return headers;
}

for (const algorithm of ['MD5', 'SHA-256', 'SHA-512-256']) {
  test(`a caller with the password is let in by ${algorithm}; with another one, or for another request, not`, () => {
    const server = new DigestServer({ realm: 'gw', credentials });
    const challenge = challengeOf(server, (value) => value.endsWith(`algorithm=${algorithm}`));
    const proof = answered(new DigestClient(credentials).answer(401, challenge, invite));
    assert.equal(server.check(proof, invite), 'proven');
    assert.equal(server.check(proof, { ...invite, uri: 'sip:other@gw' }), 'wrong');
    assert.equal(server.check(proof, { ...invite, method: 'BYE' }), 'wrong');
    const wrong = new DigestClient({ ...credentials, password: 'x' }).answer(401, challenge, invite);
    assert.equal(server.check(answered(wrong), invite), 'wrong');
    const stranger = new DigestClient({ ...credentials, user: 'x' }).answer(401, challenge, invite);
    assert.equal(server.check(answered(stranger), invite), 'wrong');
  });
}

test('a caller without credentials, or with those of another realm, is asked', () => {
  const server = new DigestServer({ realm: 'gw', credentials });
  assert.equal(server.check(new Headers(), invite), 'missing');
  const elsewhere = challengeOf(new DigestServer({ realm: 'pbx', credentials }));
  assert.equal(
    server.check(answered(new DigestClient(credentials).answer(401, elsewhere, invite)), invite),
    'missing',
  );
});

test('the same proof twice, an old nonce and a nonce that is not ours are stale', () => {
  let now = 1_000_000;
  const options = { realm: 'gw', credentials, now: () => now };
  const server = new DigestServer(options);
  const client = new DigestClient(credentials);
  const challenge = challengeOf(server);
  const first = answered(client.answer(401, challenge, invite));
  assert.equal(server.check(first, invite), 'proven');
  assert.equal(server.check(first, invite), 'stale');
  assert.equal(server.check(answered(client.again(invite)), invite), 'proven');
  now += 300_001;
  assert.equal(server.check(answered(client.again(invite)), invite), 'stale');
  const foreign = challengeOf(new DigestServer(options));
  assert.equal(
    server.check(answered(new DigestClient(credentials).answer(401, foreign, invite)), invite),
    'stale',
  );
});

test('auth-int covers the body', () => {
  const server = new DigestServer({ realm: 'gw', credentials });
  const challenge = new Headers();
  const [value = ''] = challengeOf(server).all('www-authenticate');
  challenge.add('www-authenticate', value.replace('qop="auth,auth-int"', 'qop="auth-int"'));
  const proof = answered(new DigestClient(credentials).answer(401, challenge, invite));
  assert.match(proof.get('authorization') ?? '', /qop=auth-int/);
  assert.equal(server.check(proof, { ...invite, body: 'v=0\r\nevil' }), 'wrong');
  assert.equal(server.check(proof, invite), 'proven');
});

test('nonsense is wrong, never an exception', () => {
  const server = new DigestServer({ realm: 'gw', credentials });
  for (const value of [
    'Digest realm="gw"',
    'Digest realm="gw", nonce=""',
    'Digest realm="gw", nonce="\\',
    'realm="gw"',
  ]) {
    const headers = new Headers();
    headers.add('authorization', value);
    assert.notEqual(server.check(headers, invite), 'proven');
  }
});
