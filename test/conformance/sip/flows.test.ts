import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { StreamFramer } from '../../../src/sip/transport/stream-framer.ts';
import { ended, quickTimes } from '../../kit/sip-engine.ts';
import { type AnyEngine, type EngineKind, onEachEngine, startEngineOf } from '../../kit/sip-engines.ts';
import { type RawMessage, readRaw, SipPeer, someSdp, tagOf } from '../../kit/sip-peer.ts';

/** A PBX on TCP that does only what the test says. */
class TcpPbx {
  readonly port: number;
  readonly sockets: Socket[] = [];
  readonly #peer: SipPeer;
  readonly #messages: { readonly message: RawMessage; readonly socket: Socket }[] = [];
  #wake = (): void => {};

  constructor(port: number, peer: SipPeer) {
    this.port = port;
    this.#peer = peer;
  }

  accept(socket: Socket): void {
    this.sockets.push(socket);
    const framer = new StreamFramer(65_536);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      for (const frame of framer.push(chunk)) {
        if (frame.kind !== 'message') continue;
        this.#messages.push({ message: readRaw(String(frame.bytes), this.port), socket });
        this.#wake();
      }
    });
  }

  /** The next message that was not taken yet and matches. */
  async next(
    matches: (message: RawMessage) => boolean,
  ): Promise<{ readonly message: RawMessage; readonly socket: Socket }> {
    for (;;) {
      const index = this.#messages.findIndex(({ message }) => matches(message));
      const [found] = index < 0 ? [] : this.#messages.splice(index, 1);
      if (found !== undefined) return found;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  reply(socket: Socket, request: RawMessage, status: number, body = ''): void {
    const lines = [`Contact: <sip:peer@127.0.0.1:${this.port};transport=tcp>`];
    socket.write(this.#peer.replyText(request, status, { contact: false, lines, body }));
  }
}

async function scene(context: TestContext, kind: EngineKind): Promise<{ pbx: TcpPbx; gateway: AnyEngine }> {
  const peer = await SipPeer.open();
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const pbx = new TcpPbx(address.port, peer);
  server.on('connection', (socket) => pbx.accept(socket));
  const gateway = await startEngineOf(kind, {
    times: quickTimes,
    account: { port: pbx.port, transport: 'tcp' },
  });
  context.after(async () => {
    await gateway.stop();
    for (const socket of pbx.sockets) socket.destroy();
    server.close();
    peer.close();
  });
  return { pbx, gateway };
}

const isRegister = ({ method }: RawMessage): boolean => method === 'REGISTER';

async function registered({ pbx, gateway }: { pbx: TcpPbx; gateway: AnyEngine }): Promise<Socket> {
  const registration = gateway.engine.register(gateway.account);
  const done = once(registration, 'registered');
  const { message, socket } = await pbx.next(isRegister);
  pbx.reply(socket, message, 200);
  await done;
  return socket;
}

onEachEngine(
  'the connection of a REGISTER carries calls both ways',
  async (context, kind) => {
    const { pbx, gateway } = await scene(context, kind);
    const socket = await registered({ pbx, gateway });
    const own = `127.0.0.1:${pbx.port}`;
    const head = (method: string, to: string): string =>
      [
        `${method} sip:gateway@127.0.0.1:${gateway.port};transport=tcp SIP/2.0`,
        `Via: SIP/2.0/TCP ${own};branch=z9hG4bK${method}`,
        `From: <sip:caller@${own}>;tag=caller`,
        `To: <sip:gateway@pbx.test>${to}`,
        'Call-ID: flow',
        `CSeq: 1 ${method}`,
        'Max-Forwards: 70',
        `Contact: <sip:caller@${own};transport=tcp>`,
      ].join('\r\n');
    const type = `Content-Type: application/sdp\r\nContent-Length: ${someSdp.length}`;
    socket.write(`${head('INVITE', '')}\r\n${type}\r\n\r\n${someSdp}`);
    const incoming = await gateway.nextCall();
    incoming.answer(someSdp);
    const accepted = await pbx.next(({ status }) => status === 200);
    assert.equal(accepted.socket, socket);
    const answered = once(incoming, 'answered');
    const toTag = tagOf(accepted.message.header('To'));
    socket.write(`${head('ACK', `;tag=${toTag}`)}\r\nContent-Length: 0\r\n\r\n`);
    await answered;
    incoming.end({ code: 'hangup' });
    const bye = await pbx.next(({ method }) => method === 'BYE');
    pbx.reply(bye.socket, bye.message, 200);
    const { account, engine } = gateway;
    const call = engine.invite('sip:1@pbx.test', { account, sdp: someSdp, headers: [], noAnswerSeconds: 9 });
    const over = ended(call);
    const invite = await pbx.next(({ method }) => method === 'INVITE');
    pbx.reply(invite.socket, invite.message, 486);
    await over;
    assert.deepEqual([bye.socket, invite.socket], [socket, socket]);
    assert.equal(pbx.sockets.length, 1);
  },
  { rfc: '5923, 3261 §18' },
);

onEachEngine(
  'a double line end on a connection is answered by a single one',
  async (context, kind) => {
    const { pbx, gateway } = await scene(context, kind);
    const socket = await registered({ pbx, gateway });
    socket.removeAllListeners('data');
    const pong = once(socket, 'data');
    socket.write('\r\n\r\n');
    assert.deepEqual((await pong).map(String), ['\r\n']);
  },
  { rfc: '5626 §3.5.1, §4.4.1' },
);

onEachEngine(
  'a registration whose connection was closed is made again at once on a new one',
  async (context, kind) => {
    const { pbx, gateway } = await scene(context, kind);
    const socket = await registered({ pbx, gateway });
    socket.destroy();
    const again = await pbx.next(isRegister);
    pbx.reply(again.socket, again.message, 200);
    assert.notEqual(again.socket, socket);
  },
  // A drachtio-server keeps to itself that a connection has closed: the next REGISTER is that of the usual check.
  { rfc: '5626 §4.4', only: 'embedded' },
);
