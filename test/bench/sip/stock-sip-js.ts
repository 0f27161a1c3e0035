import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { InviteUserAgentServer } from 'sip.js/lib/core/index.js';
import {
  type IncomingInviteRequest,
  IncomingRequestMessage,
  LoggerFactory,
  type Transport,
  URI,
  UserAgentCore,
} from 'sip.js/lib/core/index.js';
import { Parser } from 'sip.js/lib/core/messages/parser.js';
import { answerSdp } from './call-texts.ts';
import type { Subject } from './subject.ts';

// What the embedded engine is compared with: sip.js' core as it comes, its own parser, timers and random numbers, on a UDP socket.
// Nothing is added to it; in particular no retransmission (its transactions leave timers A, E and G out).

const loggerFactory = new LoggerFactory();
loggerFactory.builtinEnabled = false;
const parserLogger = loggerFactory.getLogger('sip.Parser');

/** A server that takes every call at once. Its one peer is who sent last: sip.js' transport interface has no destination. */
export async function startStock(): Promise<Subject> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1_048_576 });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  let peer = { address: '127.0.0.1', port: 9 };
  let calls = 0;
  const transport: Transport = {
    protocol: 'UDP',
    send: async (text) => socket.send(text, peer.port, peer.address, () => {}),
  };
  const { port } = socket.address();
  const core = makeCore(port, transport, (request) => {
    calls += 1;
    take(request);
  });
  socket.on('message', (bytes, from) => {
    peer = from;
    const message = Parser.parseMessage(bytes.toString(), parserLogger);
    if (message instanceof IncomingRequestMessage) core.receiveIncomingRequestFromTransport(message);
    else if (message !== undefined) core.receiveIncomingResponseFromTransport(message);
  });
  return {
    port,
    calls: () => calls,
    transactions: () => core.userAgentServers.size + core.userAgentClients.size,
    counters: () => ({}),
    parse: (bytes) => Parser.parseMessage(bytes.toString(), parserLogger) !== undefined,
    stop: async () => {
      core.dispose();
      socket.close();
    },
  };
}

function makeCore(
  port: number,
  transport: Transport,
  onInvite: (request: IncomingInviteRequest) => void,
): UserAgentCore {
  const own = new URI('sip', 'gateway', '127.0.0.1', port);
  return new UserAgentCore(
    {
      aor: own,
      contact: { pubGruu: undefined, tempGruu: undefined, uri: own, toString: () => `<${own}>` },
      displayName: '',
      loggerFactory,
      hackViaTcp: false,
      routeSet: [],
      sipjsId: 'bench',
      supportedOptionTags: [],
      supportedOptionTagsResponse: [],
      userAgentHeaderFieldValue: 'sip.js',
      viaForceRport: true,
      viaHost: '127.0.0.1',
      authenticationFactory: () => undefined,
      transportAccessor: () => transport,
    },
    { onInvite },
  );
}

/** 100, 180 and 200, as its own `api` layer sends them. */
function take(request: IncomingInviteRequest): void {
  const server = request as InviteUserAgentServer;
  server.trying();
  server.progress({ statusCode: 180 });
  const body = { contentDisposition: 'session', contentType: 'application/sdp', content: answerSdp };
  const { session } = server.accept({ statusCode: 200, body });
  session.delegate = { onBye: (bye) => bye.accept() };
}
