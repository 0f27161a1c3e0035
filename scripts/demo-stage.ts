import { type Baresip, startBaresip } from '../test/kit/baresip.ts';
import { GatewayProcess } from '../test/kit/gateway-process.ts';
import { type Jitsi, startJitsi } from '../test/kit/jitsi.ts';
import { type Kamailio, startKamailio } from '../test/kit/kamailio.ts';
import type { Participant } from '../test/kit/participant.ts';
import { RawPhone } from '../test/kit/raw-phone.ts';
import type { Curtain } from './demo-curtain.ts';
import { saveLog } from './demo-recordings.ts';
import type { Story } from './demo-story.ts';
import { phoneSays } from './demo-voices.ts';

export const roomName = 'demo';
/** User (or number) and password of the three accounts of the PBX. */
export const accounts = {
  gateway: { user: 'jitsi', password: 'gateway-secret' },
  phone: { user: '100', password: 'phone-secret' },
  guest: { user: '200', password: 'call-me' },
} as const;

export interface Stage {
  readonly jitsi: Jitsi;
  readonly alice: Participant;
  readonly bob: Participant;
  readonly pbx: Kamailio;
  readonly gateway: GatewayProcess;
  /** The telephone that is listened to. */
  readonly phone: Baresip;
  /** A telephone that knows to the millisecond when its packets leave and arrive. */
  readonly guest: RawPhone;
}

/** Starts all parts, each a real one: Prosody, focus and bridge, kamailio, the gateway, the telephones, Alice and Bob. */
export async function openStage(curtain: Curtain, story: Story): Promise<Stage> {
  const jitsi = await openRoom(curtain, story);
  const [alice, bob] = [await jitsi.room(roomName).join('Alice'), await jitsi.room(roomName).join('Bob')];
  story.tell(`Alice and Bob are in the room "${roomName}"`);
  const pbx = await openPbx(curtain, story);
  const gateway = await openGateway(curtain, story, jitsi, pbx);
  const { user, password } = accounts.phone;
  const registrar = { host: pbx.host, port: pbx.port, password };
  const phone = await curtain.raise(
    'the telephone',
    () => startBaresip({ user, domain: pbx.domain, registrar, codecs: ['G722'], says: phoneSays() }),
    (started) => started.stop(),
  );
  story.tell(`the telephone (baresip) is registered at the PBX as ${user}`);
  const guest = await openGuest(curtain, pbx);
  return { jitsi, alice, bob, pbx, gateway, phone, guest };
}

async function openRoom(curtain: Curtain, story: Story): Promise<Jitsi> {
  const jitsi = await curtain.raise(
    'Prosody',
    () => startJitsi(),
    (started) => started.stop(),
  );
  const { domain, componentPort } = jitsi.prosody;
  story.tell(
    `Prosody serves ${domain}, components at port ${componentPort}; the focus and a libwebrtc bridge are there`,
  );
  return jitsi;
}

async function openPbx(curtain: Curtain, story: Story): Promise<Kamailio> {
  const users = Object.fromEntries(Object.values(accounts).map(({ user, password }) => [user, password]));
  const pbx = await curtain.raise(
    'kamailio',
    () => startKamailio({ users, gateway: accounts.gateway.user }),
    (started) => started.close(),
  );
  story.tell(
    `kamailio is the PBX ${pbx.domain} at ${pbx.host}:${pbx.port}; it asks everybody for a password (digest)`,
  );
  return pbx;
}

async function openGateway(
  curtain: Curtain,
  story: Story,
  jitsi: Jitsi,
  pbx: Kamailio,
): Promise<GatewayProcess> {
  const account = { ...accounts.gateway, domain: pbx.domain, server: pbx.host, port: pbx.port };
  const brewery = jitsi.focus.options.brewery;
  const gateway = await curtain.raise(
    'the gateway',
    () => GatewayProcess.launch({ xmpp: jitsi.prosody, account, defaultRoom: roomName, brewery }),
    endGateway,
  );
  story.tell('the gateway is started as');
  story.tell(`    ${gateway.commandLine}`);
  const shown = {
    URI: `${account.user}@${account.domain}`,
    PASSWORD: '…',
    SERVER: account.server,
    PORT: account.port,
  };
  const variables = Object.entries(shown).map(([name, value]) => `JIGASI_SIP_${name}=${value}`);
  story.tell(`    with ${variables.join(' ')}`);
  story.tell(`         JIGASI_SIP_DEFAULT_ROOM=${roomName} JIGASI_BREWERY_MUC=${brewery}`);
  await gateway.waitFor('ready');
  await gateway.waitFor('registered');
  await jitsi.focus.brewery.ready();
  story.tell(
    `the gateway is connected to Prosody, registered at the PBX as ${account.user}, and in the brewery`,
  );
  return gateway;
}

async function endGateway(gateway: GatewayProcess): Promise<void> {
  const { code, signal } = await gateway.stop();
  saveLog(gateway.text);
  // Before it is ready, a signal may find it without ears.
  const young = signal === 'SIGTERM' && !gateway.log.some(({ event }) => event === 'ready');
  if (code !== 0 && !young) throw new Error(`exit ${code ?? signal}`);
}

/** Registers as the README's reader would with a softphone: the PBX's address is all it knows. */
async function openGuest(curtain: Curtain, pbx: Kamailio): Promise<RawPhone> {
  const { user, password } = accounts.guest;
  const registrar = { host: pbx.host, port: pbx.port, password };
  const guest = await curtain.raise(
    'the measuring telephone',
    () => RawPhone.start({ user, domain: `${pbx.host}:${pbx.port}`, registrar }),
    async (started) => started.stop(),
  );
  const status = await guest.register();
  if (status !== 200) throw new Error(`the measuring telephone could not register: ${status}`);
  return guest;
}
