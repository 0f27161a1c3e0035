import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { after, before, describe, it, type TestContext } from 'node:test';
import { GatewayComponent } from '../../../src/xmpp/gateway-component.ts';
import { type Prosody, startProsody } from '../../kit/prosody.ts';
import { payload, type XmlElement, xml } from '../../kit/xml.ts';
import { connectClient, type XmppEntity } from '../../kit/xmpp-entity.ts';
import { keptLog, type LogLine, logged, verbatim, waitMs, xmppConfig } from './stage.ts';

/** Stopped at the end of the test, whatever happened. */
function gatewayFor(
  t: TestContext,
  prosody: Prosody,
  lines: LogLine[],
  change: object = {},
): GatewayComponent {
  const config = { ...xmppConfig(prosody, false), ...change };
  const gateway = new GatewayComponent({ config, log: keptLog(lines) });
  t.after(() => gateway.stop());
  return gateway;
}

describe('the component connection', () => {
  let prosody: Prosody;
  before(async () => {
    prosody = await startProsody();
  });
  after(() => prosody.stop());

  it('says which setting is wrong when Prosody refuses the secret, and gives up', async (t) => {
    const gateway = gatewayFor(t, prosody, [], { secret: 'wrong' });
    const fatal = once(gateway, 'fatal');
    await assert.rejects(gateway.start(), /component_secret under Component "callcontrol.meet.test"/);
    assert.match(String((await fatal)[0]), /component_secret/);
  });

  it('says that Prosody does not know the component', async (t) => {
    const gateway = gatewayFor(t, prosody, [], { componentDomain: 'phone.meet.test' });
    await assert.rejects(gateway.start(), /Component "phone.meet.test"/);
  });

  it('explains a second gateway under the same name, and takes over when the first one stops', async (t) => {
    const lines: LogLine[] = [];
    const first = gatewayFor(t, prosody, []);
    await first.start();
    const second = gatewayFor(t, prosody, lines);
    const started = second.start();
    await logged(lines, /Another gateway is connected as callcontrol.meet.test/);
    await first.stop();
    await started;
    assert.ok(second.online);
  });

  it('is back after Prosody was restarted', async (t) => {
    const gateway = gatewayFor(t, prosody, []);
    await gateway.start();
    const offline = once(gateway, 'offline', { signal: AbortSignal.timeout(waitMs) });
    const online = once(gateway, 'online', { signal: AbortSignal.timeout(waitMs) });
    await prosody.restart();
    await Promise.all([offline, online]);
  });

  it('waits for a Prosody that is not there yet', async (t) => {
    await prosody.kill();
    const lines: LogLine[] = [];
    const gateway = gatewayFor(t, prosody, lines);
    const started = gateway.start();
    await logged(lines, /trying again/);
    await prosody.start();
    await started;
  });
});

describe('stanzas from strangers', () => {
  let prosody: Prosody;
  let gateway: GatewayComponent;
  let alice: XmppEntity;
  const to = 'callcontrol.meet.test';
  const alive = (): XmlElement => xml('iq', { type: 'get', to }, xml('ping', { xmlns: 'urn:xmpp:ping' }));

  before(async () => {
    prosody = await startProsody();
    gateway = new GatewayComponent({ config: xmppConfig(prosody, false), log: keptLog([]) });
    await gateway.start();
    alice = await connectClient(prosody.c2sPort, prosody.domain);
  });
  after(async () => {
    await alice.close();
    await gateway.stop();
    await prosody.stop();
  });

  it('describes itself as the call control component', async () => {
    const query = xml('query', { xmlns: 'http://jabber.org/protocol/disco#info' });
    const answer = await alice.request(xml('iq', { type: 'get', to }, query));
    const info = answer && payload(answer);
    assert.equal(info?.getChild('identity')?.attrs.name, 'Call control');
    const features = info?.getChildren('feature').map((feature) => feature.attrs.var);
    assert.ok(features?.includes('urn:xmpp:rayo:0'));
    assert.ok(features?.includes('http://jitsi.org/protocol/jigasi'));
  });

  it('refuses what it does not know, for itself and for nobody', async () => {
    for (const addressee of [to, `nobody@${to}/x`]) {
      const answer = await alice.request(xml('iq', { type: 'set', to: addressee }, xml('x', { xmlns: 'y' })));
      assert.ok(answer?.getChild('error')?.getChild('service-unavailable'), addressee);
    }
  });

  it('drops a stanza that is too deep or too large, refuses it, and goes on', async () => {
    const large = xml('x', { xmlns: 'y' }, 'a'.repeat(100_000));
    for (const [kind, content] of [
      ['depth', verbatim(`<x xmlns="y">${'<n>'.repeat(5000)}${'</n>'.repeat(5000)}</x>`)],
      ['characters', large],
    ] as const) {
      const before = gateway.drops[kind] ?? 0;
      const answer = await alice.request(xml('iq', { type: 'set', to }, content));
      assert.ok(answer?.getChild('error')?.getChild('policy-violation'), kind);
      assert.equal(gateway.drops[kind], before + 1);
    }
    assert.equal((await alice.request(alive()))?.attrs.type, 'result');
    assert.ok(gateway.online);
  });

  it('survives an attribute that never ends and letters torn apart by packets', async (t) => {
    const { port, close } = await rawServer((socket) => {
      socket.write("<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' ");
      socket.write("xmlns:stream='http://etherx.jabber.org/streams' id='1' from='x'>");
      socket.once('data', () => {
        socket.write('<handshake/>');
        // The answer to the first ping proves that the torn letter was read before its other half is sent.
        const pings = Buffer.from(ping('first') + ping('gr\u00fc\u00df'));
        const middle = pings.indexOf(0xc3) + 1;
        socket.write(pings.subarray(0, middle));
        socket.once('data', () => {
          socket.write(pings.subarray(middle));
          socket.write("<message a='");
          for (let part = 0; part < 64; part += 1) socket.write('x'.repeat(64 * 1024));
          socket.write(`'/>${ping('last')}`);
        });
      });
    });
    const config = {
      ...xmppConfig(prosody, false),
      host: '127.0.0.1',
      port: port.number,
      componentDomain: 'c.d',
    };
    const raw = new GatewayComponent({ config, log: keptLog([]) });
    t.after(async () => {
      await raw.stop();
      await close();
    });
    await raw.start();
    const replies = await port.until(/id="last"/);
    assert.match(replies, /id="gr\u00fc\u00df"/);
    assert.equal(raw.drops.characters, 1);
  });
});

function ping(id: string): string {
  return `<iq type='get' id='${id}' from='a.b' to='c.d'><ping xmlns='urn:xmpp:ping'/></iq>`;
}

async function rawServer(serve: (socket: Socket) => void) {
  let text = '';
  let changed = (): void => {};
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.setEncoding('utf8');
    socket.once('data', () => serve(socket));
    socket.on('data', (data) => {
      text += data;
      changed();
    });
    socket.on('end', () => socket.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const number = typeof address === 'object' && address !== null ? address.port : 0;
  const until = (wanted: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`never came: ${text.slice(-500)}`)), waitMs);
      changed = () => {
        if (!wanted.test(text)) return;
        clearTimeout(timer);
        resolve(text);
      };
      changed();
    });
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  };
  return { port: { number, until }, close };
}
