import type { Log } from '../../log.ts';
import { responseText } from '../response-text.ts';
import type { Hop } from '../transport/packet.ts';
import { ClientChannel } from './client-channel.ts';
import { IncomingRequest, type IncomingResponse, transactionId } from './incoming-message.ts';
import { OutgoingRequest } from './outgoing-message.ts';
import type { ServerChannel } from './server-channel.ts';
import { ServerIndex } from './server-index.ts';
import {
  abandon,
  type Body,
  type Contact,
  type IncomingRequestMessage,
  type InviteUserAgentServer,
  LoggerFactory,
  localTagOf,
  type OutgoingInviteRequest,
  type OutgoingRequestMessage,
  type OutgoingRequestMessageOptions,
  type OutgoingResponse,
  type ResponseOptions,
  Timers,
  type Transport,
  URI,
  type UserAgentClient,
  UserAgentCore,
} from './sip-js.ts';
import type { Wire } from './wire.ts';

type OnAccept = NonNullable<NonNullable<OutgoingInviteRequest['delegate']>['onAccept']>;

export interface EmbeddedCoreOptions {
  readonly wire: Wire;
  readonly log: Log;
  readonly onInvite: (
    server: InviteUserAgentServer,
    request: IncomingRequest,
    channel: ServerChannel,
  ) => void;
}

/** What sip.js reads from its configuration while it works; we set it around each step. */
interface Present {
  /** Channel of the request that is being delivered. */
  readonly channel: ServerChannel | undefined;
  /** Next hop of the client transaction that is being made. */
  readonly hop: Hop | undefined;
  readonly makeClient: (hop: Hop | undefined) => Transport;
  readonly contact: string;
  /** From display name of the request that is being cancelled. */
  readonly displayName: string;
}

/**
 * sip.js' core with one channel per transaction instead of one transport for all, our messages on both sides, and without its
 * two stumbling blocks: 404 for every user but one, and a search through all transactions with each request.
 */
export class EmbeddedCore extends UserAgentCore {
  readonly #now: { present: Present };
  readonly servers: ServerIndex;

  constructor(options: EmbeddedCoreOptions) {
    const now: { present: Present } = {
      present: {
        channel: undefined,
        hop: undefined,
        contact: '',
        displayName: '',
        makeClient: () => unreachable(),
      },
    };
    super(configuration(now, options.log), {
      onInvite: (server) => {
        const { channel } = now.present;
        const request = server.message;
        if (channel === undefined || !(request instanceof IncomingRequest)) return unreachable();
        options.onInvite(server as InviteUserAgentServer, request, channel);
      },
    });
    const makeClient = (hop: Hop | undefined): ClientChannel =>
      new ClientChannel(options.wire, hop, (branch) => this.#hopOfInvite(branch));
    now.present = { ...now.present, makeClient };
    this.#now = now;
    this.servers = new ServerIndex();
    this.userAgentServers = this.servers;
  }

  /** Runs what makes client transactions; `hop` overrides where the first one goes (outbound proxy, RFC 3261 §8.1.2). */
  asClient<T>(hop: Hop | undefined, act: () => T): T {
    return this.#with({ ...this.#now.present, channel: undefined, hop }, act);
  }

  /** Runs what answers the request that came through `channel`. */
  asServer<T>(channel: ServerChannel, act: () => T): T {
    return this.#with({ ...this.#now.present, channel }, act);
  }

  /** Cancels an INVITE; the From of the CANCEL must be that of the INVITE (RFC 3261 §9.1), which sip.js makes anew. */
  cancel(client: OutgoingInviteRequest, reason: string): void {
    const displayName = client.message.from.displayName;
    const present = { ...this.#now.present, channel: undefined, hop: undefined, displayName };
    this.#with(present, () => client.cancel(reason));
  }

  /** Sends an INVITE no more; should the peer say something at last, it gets a CANCEL, and `onAccept` its 200. */
  withdraw(client: OutgoingInviteRequest, reason: string, onAccept: OnAccept): void {
    client.delegate = { onAccept };
    const withdrawn = client as unknown as UserAgentClient;
    clientChannel(withdrawn)?.stop();
    this.cancel(client, reason);
    const last = (): void => {
      if ([...this.userAgentClients.values()].includes(withdrawn)) this.abandon(withdrawn);
    };
    setTimeout(last, 64 * Timers.T1).unref();
  }

  /** Ends a client transaction whose answer does not matter any more, with its retransmissions. */
  abandon(client: UserAgentClient): void {
    clientChannel(client)?.stop();
    abandon(client);
  }

  /** Runs what answers an INVITE: sip.js takes the Contact of its 1xx and 2xx from the configuration. */
  withContact<T>(contact: string, act: () => T): T {
    return this.#with({ ...this.#now.present, contact }, act);
  }

  /** Hands a request to sip.js. May throw: sip.js does so on what it does not expect. */
  deliverRequest(request: IncomingRequest, channel: ServerChannel): void {
    // sip.js answers 404 unless the Request-URI has the user of its one address of record; we serve every number.
    if (request.ruri !== undefined) this.configuration.aor = request.ruri;
    this.asServer(channel, () => this.receiveIncomingRequestFromTransport(request));
  }

  /** The channel of the client transaction that a response belongs to; undefined for a stray one. */
  channelFor(response: IncomingResponse): ClientChannel | undefined {
    return clientChannel(this.userAgentClients.get(response.viaBranch + response.method));
  }

  override makeOutgoingRequestMessage(
    method: string,
    requestUri: URI,
    fromUri: URI,
    toUri: URI,
    options: OutgoingRequestMessageOptions,
    extraHeaders?: string[],
    body?: Body,
  ): OutgoingRequestMessage {
    const fromDisplayName = options.fromDisplayName ?? this.#now.present.displayName;
    const named = { ...options, fromDisplayName };
    const request = new OutgoingRequest(method, requestUri, fromUri, toUri, named, extraHeaders, body);
    // Throws here what must not be sent: inside of a transaction of sip.js the exception would end the process.
    request.toString();
    return request;
  }

  override replyStateless(message: IncomingRequestMessage, options: ResponseOptions): OutgoingResponse {
    const { statusCode, reasonPhrase, extraHeaders } = options;
    if (!(message instanceof IncomingRequest)) return unreachable();
    const phrase = reasonPhrase ?? phrases[statusCode] ?? '';
    const text = responseText(
      message.source.headers,
      statusCode,
      phrase,
      extraHeaders,
      this.#tagFor(message),
    );
    this.#now.present.channel?.sendOnce(text);
    return { message: text };
  }

  /** RFC 3261 §9.2: the answer to a CANCEL has the To tag of the answers to its INVITE. */
  #tagFor(message: IncomingRequest): string | undefined {
    if (message.method !== 'CANCEL') return undefined;
    const invite = this.servers.get(transactionId(message.source));
    return invite === undefined ? undefined : localTagOf(invite);
  }

  #with<T>(present: Present, act: () => T): T {
    const before = this.#now.present;
    this.#now.present = present;
    try {
      return act();
    } finally {
      this.#now.present = before;
    }
  }

  #hopOfInvite(branch: string): Hop | undefined {
    return clientChannel(this.userAgentClients.get(`${branch}INVITE`))?.hop;
  }
}

const phrases: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  416: 'Unsupported URI Scheme',
  481: 'Call/Transaction Does Not Exist',
  482: 'Loop Detected',
  491: 'Request Pending',
  500: 'Server Internal Error',
  501: 'Not Implemented',
};

function clientChannel(
  client: { readonly transaction: { readonly transport: Transport } } | undefined,
): ClientChannel | undefined {
  const transport = client?.transaction.transport;
  return transport instanceof ClientChannel ? transport : undefined;
}

function configuration(
  now: { readonly present: Present },
  log: Log,
): ConstructorParameters<typeof UserAgentCore>[0] {
  const nobody = new URI('sip', '', 'invalid');
  const contact: Contact = {
    pubGruu: undefined,
    tempGruu: undefined,
    uri: nobody,
    toString: () => now.present.contact,
  };
  return {
    aor: nobody,
    contact,
    displayName: '',
    loggerFactory: quietLogger(log),
    hackViaTcp: false,
    routeSet: [],
    sipjsId: '',
    supportedOptionTags: [],
    // Undefined: sip.js then writes no Supported header; with an empty list it would write an empty one.
    supportedOptionTagsResponse: undefined as unknown as string[],
    userAgentHeaderFieldValue: undefined,
    viaForceRport: true,
    viaHost: 'invalid',
    authenticationFactory: () => undefined,
    transportAccessor: () => now.present.channel ?? now.present.makeClient(now.present.hop),
  };
}

/** sip.js logs with every step and to the console; only its warnings interest, and only someone who debugs. */
function quietLogger(log: Log): LoggerFactory {
  const factory = new LoggerFactory();
  factory.builtinEnabled = false;
  factory.connector = (level, category, _label, content) => {
    if (level === 'error' || level === 'warn') log.debug({ category, content: String(content) }, 'sip.js');
  };
  return factory;
}

function unreachable(): never {
  throw new Error('sip.js called back outside of a delivery');
}
