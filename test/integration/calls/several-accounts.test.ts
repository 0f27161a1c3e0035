import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Constellation } from '../../kit/constellation.ts';
import { type Kamailio, startKamailio } from '../../kit/kamailio.ts';
import type { Participant } from '../../kit/participant.ts';
import type { RawCall } from '../../kit/raw-call.ts';
import { RawPhone } from '../../kit/raw-phone.ts';
import { freeUdpPorts } from '../../kit/udp-ports.ts';

// An account that registers with a PBX, a carrier's trunk without registration, and a trunk whose other end is down.

let pbx: Kamailio;
let carrier: RawPhone;
let subscriber: RawPhone;
let world: Constellation;
let folder: string;

const settings = (carrierPort: number, deadPort: number): string => `
sip:
  defaultRoom: reception
  accounts:
    carrier:
      uri: gw@carrier.test
      server: 127.0.0.1
      port: ${carrierPort}
      register: false
      defaultRoom: hotline
      roomHeaders: [X-Conference]
      codecs: [PCMA]
      changePrefixes: ["+=00"]
      incomingLimit: 1
      outgoingLimit: 1
    dead:
      uri: gw@dead.test
      server: 127.0.0.1
      port: ${deadPort}
      register: false
  routes:
    - prefixes: ["+"]
      accounts: [carrier]
    - prefixes: ["47"]
      accounts: [dead, default]
`;

before(async () => {
  const users = { gateway: 'g-pass', 4711: 's-pass' };
  [pbx, carrier] = await Promise.all([startKamailio({ users }), RawPhone.start({ user: 'carrier' })]);
  const { host, port, domain } = pbx;
  const registrar = { host, port, password: 's-pass' };
  subscriber = await RawPhone.start({ user: '4711', domain, registrar });
  assert.equal(await subscriber.register(), 200);
  folder = await mkdtemp(join(tmpdir(), 'jigasi-accounts-'));
  const file = join(folder, 'jigasi.yaml');
  const [deadPort = 0] = await freeUdpPorts(1);
  await writeFile(file, settings(carrier.port, deadPort));
  world = await Constellation.start({
    account: { user: 'gateway', domain, password: 'g-pass', server: host, port },
    env: { JIGASI_CONFIG: file },
  });
  await world.gateway.waitFor(({ event, account }) => event === 'registered' && account === 'default');
});
afterEach((t) => world.report(t));
after(async () => {
  await world.stop();
  carrier.stop();
  subscriber.stop();
  await pbx.close();
  await rm(folder, { recursive: true, force: true });
});

const dial = async (room: string, number: string) => {
  const who = await world.room(room).join('Alice');
  const answer = await who.dial(number, world.componentDomain);
  return { who, error: answer?.getChild('error') };
};

/** The room's side of a call that the phone ends. */
async function over(who: Participant, call: RawCall): Promise<void> {
  const { nick } = await world.occupant(who);
  const left = who.waitForLeave(nick);
  await call.hangup();
  await left;
}

test('a number goes by the account of its rule, as that one wants it', async () => {
  const out = await dial('abroad', '+49 30 123');
  const call = await carrier.incoming();
  assert.match(call.request?.message.startLine ?? '', /^INVITE sip:004930123@carrier\.test /);
  assert.match(call.header('From') ?? '', /<sip:gw@carrier\.test>/);
  assert.match(call.request?.message.body ?? '', /^m=audio \d+ RTP\/AVP 8 \d+\r$/m);
  call.answer();
  await world.occupant(out.who, ({ status }) => status === 'Connected');
  const { error } = await dial('abroad-too', '+49 30 124');
  assert.equal(error?.attrs.type, 'wait');
  assert.ok(error?.getChild('resource-constraint'), 'the account has all the calls that it may have');
  await over(out.who, call);
  const refused = await dial('nowhere', '0900');
  assert.ok(refused.error?.getChild('forbidden'), 'no rule allows it');
});

test('an account whose server is down is passed over', async () => {
  const down = await world.gateway.waitFor('account-down');
  assert.equal(down.account, 'dead');
  const from = world.gateway.position;
  const { who } = await dial('inland', '4711');
  const call = await subscriber.incoming();
  assert.match(call.header('From') ?? '', /<sip:gateway@pbx\.test>/);
  call.answer();
  await world.occupant(who, ({ status }) => status === 'Connected');
  assert.doesNotMatch(world.gateway.text.split('\n').slice(from).join('\n'), /call-rerouted|line-failed/);
  await over(who, call);
});

test('who calls reaches the room of the account that the call comes by', async () => {
  const [reception, hotline, named] = await Promise.all(
    ['reception', 'hotline', 'named'].map((name) => world.room(name).join('Alice')),
  );
  assert.ok(reception && hotline && named);
  const inside = await subscriber.call(`sip:gateway@${pbx.domain}`);
  await inside.answered();
  await over(reception, inside);
  const outside = await carrier.call(world.uri('4930555'));
  await outside.answered();
  const more = await carrier.call(world.uri('4930556'));
  const refusal = await more.response(503);
  assert.ok(
    refusal.headers.some(([name]) => name === 'Retry-After'),
    'the account has all the calls that it may have',
  );
  await over(hotline, outside);
  const sent = await carrier.call(world.uri('4930555'), { headers: [['X-Conference', 'named']] });
  await sent.answered();
  await over(named, sent);
});
