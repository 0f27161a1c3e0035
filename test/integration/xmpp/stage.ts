import { once } from 'node:events';
import type { XmppConfig } from '../../../src/config/config.ts';
import type { Log } from '../../../src/log.ts';
import { GatewayComponent } from '../../../src/xmpp/gateway-component.ts';
import type { Occupant, OccupantEvents, OccupantOptions } from '../../../src/xmpp/xmpp-side.ts';
import { type Prosody, type ProsodyOptions, startProsody } from '../../kit/prosody.ts';
import { type XmlElement, xml } from '../../kit/xml.ts';
import { connectClient, type XmppEntity } from '../../kit/xmpp-entity.ts';
import { received, waitMs } from './received.ts';
import { ScriptedFocus } from './scripted-focus.ts';

export { received, waitMs };

export interface LogLine {
  readonly level: string;
  readonly context: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A log that keeps its lines. */
export function keptLog(lines: LogLine[]): Log {
  const write = (level: string) => (context: object, message: string) => {
    lines.push({ level, context: context as Record<string, unknown>, message });
    if (process.argv.includes('--show-log')) console.log(level, message, context);
  };
  const log: Log = {
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    fatal: write('fatal'),
    child: () => log,
  };
  return log;
}

/** Resolves when a line with such a message was written. */
export async function logged(lines: LogLine[], wanted: RegExp): Promise<void> {
  const end = performance.now() + waitMs;
  while (!lines.some((line) => wanted.test(line.message))) {
    if (performance.now() > end) throw new Error(`never logged: ${wanted}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Prosody, a focus that does only what a test says, and the XMPP side under test. */
export class Stage {
  readonly prosody: Prosody;
  readonly focus: ScriptedFocus;
  readonly gateway: GatewayComponent;
  readonly lines: LogLine[];
  readonly #clients: XmppEntity[] = [];

  private constructor(prosody: Prosody, focus: ScriptedFocus, gateway: GatewayComponent, lines: LogLine[]) {
    this.prosody = prosody;
    this.focus = focus;
    this.gateway = gateway;
    this.lines = lines;
  }

  static async open(
    options: {
      readonly brewery?: boolean;
      readonly timing?: object;
      readonly prosody?: ProsodyOptions;
      readonly by?: (port: number) => Promise<number>;
    } = {},
  ): Promise<Stage> {
    const prosody = await startProsody(options.prosody);
    const focus = new ScriptedFocus(prosody);
    await focus.start();
    const lines: LogLine[] = [];
    const port = (await options.by?.(prosody.componentPort)) ?? prosody.componentPort;
    const config = { ...xmppConfig(prosody, options.brewery === true), port };
    const timing = { retryMs: 200, retryLimitMs: 400, breweryMs: 1000, ...options.timing };
    const gateway = new GatewayComponent({ config, log: keptLog(lines), timing });
    if (options.brewery === true) await focus.enter(breweryRoom(prosody));
    await gateway.start();
    return new Stage(prosody, focus, gateway, lines);
  }

  async close(): Promise<void> {
    await this.gateway.stop();
    for (const client of this.#clients) await client.close();
    await this.focus.stop();
    await this.prosody.stop();
  }

  room(name: string): string {
    return `${name}@conference.${this.prosody.domain}`;
  }

  occupant(room: string, options: Partial<OccupantOptions> = {}): Occupant {
    const callId = options.callId ?? `call-${Math.random().toString(16).slice(2, 10)}`;
    const given = { callId, room, password: undefined, displayName: '+49 30 1234', ...options };
    return this.gateway.occupant(given);
  }

  /** Joined, with all its events awaited. */
  async joined(room: string, options: Partial<OccupantOptions> = {}): Promise<Occupant> {
    const occupant = this.occupant(room, options);
    const joined = event(occupant, 'joined');
    occupant.join();
    await joined;
    return occupant;
  }

  /** An anonymous client in the room, as a browser. */
  async browser(room: string, nick: string): Promise<XmppEntity> {
    const client = await connectClient(this.prosody.c2sPort, this.prosody.domain);
    this.#clients.push(client);
    const present = received(client, (stanza) => stanza.attrs.from === `${room}/${nick}`);
    client.send(join(`${room}/${nick}`));
    await present;
    return client;
  }
}

export function xmppConfig(prosody: Prosody, brewery: boolean): XmppConfig {
  const { domain } = prosody;
  return {
    domain,
    componentDomain: `callcontrol.${domain}`,
    secret: prosody.secret,
    host: prosody.host,
    port: prosody.componentPort,
    mucDomain: `conference.${domain}`,
    focusJid: `focus.${domain}`,
    brewery: brewery ? breweryRoom(prosody) : undefined,
    region: 'eu',
  };
}

export function breweryRoom(prosody: Prosody): string {
  return `jigasibrewery@internal.auth.${prosody.domain}`;
}

export function join(occupantJid: string): XmlElement {
  return xml('presence', { to: occupantJid }, xml('x', { xmlns: 'http://jabber.org/protocol/muc' }));
}

/** The arguments of the next such event of an occupant; `failed` ends the wait. */
export async function event<Name extends keyof OccupantEvents>(
  occupant: Occupant,
  name: Name,
): Promise<OccupantEvents[Name]> {
  const signal = AbortSignal.timeout(waitMs);
  const wanted = once(occupant, name, { signal }) as Promise<OccupantEvents[Name]>;
  if (name === 'failed') return await wanted;
  const stop = new AbortController();
  const failed = once(occupant, 'failed', { signal: stop.signal }).then(
    ([why]) => Promise.reject(new Error(`failed: ${JSON.stringify(why)}`)),
    () => new Promise<never>(() => {}),
  );
  try {
    return await Promise.race([wanted, failed]);
  } finally {
    stop.abort();
  }
}

/** An element that is written as it stands: what the kit's library would escape or could not serialise. */
export function verbatim(text: string): XmlElement {
  const element = xml('verbatim');
  Object.assign(element, { write: (writer: (part: string) => void) => writer(text) });
  return element;
}
