import { type SipTimes, standardTimes } from '../../src/sip/embedded/sip-js.ts';
import type { SipRequest } from '../../src/sip/message.ts';
import { DrachtioClients } from './drachtio-clients.ts';
import { parseClientSip } from './drachtio-frames.ts';
import type { Leg } from './drachtio-leg.ts';
import { DrachtioNetwork } from './drachtio-network.ts';
import { DrachtioRequests } from './drachtio-requests.ts';
import { DrachtioStack } from './drachtio-stack.ts';

export interface DrachtioServerOptions {
  readonly times?: SipTimes;
  readonly secret?: string;
  /** Admin port; default: a free one. */
  readonly adminPort?: number;
  /** The request handler of outbound mode: where the gateway for this INVITE listens. */
  readonly handler?: (invite: SipRequest) => { readonly host: string; readonly port: number };
}

/**
 * Stands in for drachtio-server 0.9.10: its TCP protocol on one side and real SIP on the other. It behaves like the
 * original where a client can tell (client.cpp, sip-dialog-controller.cpp): it sends 100, the answers to CANCEL, ACKs for failures,
 * repeats and timeouts itself, keeps routes and sequence numbers, and drops what no client wants.
 */
export class DrachtioStandIn {
  readonly #stack: DrachtioStack;
  readonly #clients: DrachtioClients;
  readonly #network: DrachtioNetwork;
  readonly #requests: DrachtioRequests;
  readonly #legs = new Map<string, Leg>();

  private constructor(options: DrachtioServerOptions) {
    const { times = standardTimes, handler } = options;
    const legs = this.#legs;
    this.#stack = new DrachtioStack({
      times,
      onRequest: (served) => this.#network.receive(served),
      onAck: (ack) => this.#network.acknowledge(ack),
    });
    this.#clients = new DrachtioClients({
      secret: options.secret ?? 'cymru',
      hostPorts: () => `udp/127.0.0.1:${this.#stack.port},tcp/127.0.0.1:${this.#stack.port}`,
      onSip: (client, frame) => {
        const sip = parseClientSip(frame.sip);
        if (sip.startLine.startsWith('SIP/')) this.#network.respond(client, frame, sip);
        else this.#requests.send(client, frame, sip);
      },
    });
    this.#requests = new DrachtioRequests(this.#stack, legs);
    this.#network = new DrachtioNetwork({
      times,
      stack: this.#stack,
      legs,
      choose: (request) =>
        request.method === 'INVITE' && handler !== undefined
          ? this.#clients.reach(handler(request)).catch(() => undefined)
          : Promise.resolve(this.#clients.choose(request.method)),
      onUnacknowledged: (leg) => void this.#requests.hangUp(leg, 'ACK timeout'),
    });
  }

  static async start(options: DrachtioServerOptions = {}): Promise<DrachtioStandIn> {
    const server = new DrachtioStandIn(options);
    await server.#stack.start();
    await server.#clients.listen(options.adminPort);
    return server;
  }

  /** SIP. */
  get port(): number {
    return this.#stack.port;
  }

  get adminPort(): number {
    return this.#clients.port;
  }

  /** Gateways that take INVITEs. */
  get gateways(): number {
    return [...this.#clients.clients].filter(({ routes }) => routes.includes('invite')).length;
  }

  /** What clients asked for, in order. */
  get routes(): readonly string[] {
    return [...this.#clients.clients].flatMap(({ routes }) => routes);
  }

  get connections(): number {
    return this.#clients.clients.size;
  }

  get tags(): readonly string[] {
    return [...this.#clients.clients].flatMap(({ tags }) => tags);
  }

  get dialogs(): number {
    return this.#legs.size;
  }

  /** Cuts the connections of all gateways. */
  drop(): void {
    this.#clients.drop();
  }

  async stop(): Promise<void> {
    this.#network.stop();
    await this.#clients.close();
    await this.#stack.stop();
  }
}
