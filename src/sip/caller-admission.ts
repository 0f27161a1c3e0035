import { type BlockList, isIP, isIPv6 } from 'node:net';
import type { SipAccount } from '../config/config.ts';
import { escapeUser } from './credentials.ts';
import { DigestServer, digestUser } from './digest-server.ts';
import type { SipRequest } from './message.ts';
import { plainAddress, toBlockList } from './source-admission.ts';
import type { Address } from './via.ts';

/** Which account a call belongs to, and what that account thinks of its caller. */
export interface CallerChoice {
  readonly account: SipAccount;
  /** `known`: a server of the account, or on its list. `stranger`: may call, perhaps with a proof. `refused`: may not. */
  readonly caller: 'known' | 'stranger' | 'refused';
}

/** Addresses that are remembered of one account. */
const addressesKept = 1_000;

/**
 * The accounts as an incoming call meets them: the one it belongs to is found by where it comes from, by the user that it asks
 * for (that of a registered Contact) and by the user that it proves to be. Then the rules of that account hold for it.
 */
export class CallerAdmission {
  readonly #doors: readonly [Door, ...Door[]];

  constructor([first, ...others]: readonly [SipAccount, ...SipAccount[]]) {
    this.#doors = [new Door(first), ...others.map((account) => new Door(account))];
    for (const door of this.#doors) {
      const { server, port, backupServers = [] } = door.account;
      for (const { host, port: at } of [{ host: server, port }, ...backupServers]) door.learn(host, at);
    }
  }

  /** A server of the account is at this address. Anything but an IP address is ignored. */
  learn(account: SipAccount, address: string, port: number | undefined): void {
    this.#doors.find((door) => door.account.name === account.name)?.learn(address, port);
  }

  /** Our registration as `user@domain` was accepted from this address. */
  registeredAt(user: string | undefined, domain: string, address: string, port: number): void {
    for (const door of this.#doors) {
      const { account } = door;
      if (user === escapeUser(account.user) && domain === account.domain.toLowerCase())
        door.learn(address, port);
    }
  }

  /** The account of an INVITE. A copy of the request gives the same. */
  choose(request: SipRequest, source: Address): CallerChoice {
    const address = plainAddress(source.address);
    const asked = (door: Door): boolean =>
      request.uri.user !== undefined && request.uri.user === escapeUser(door.account.user);
    const servers = this.#doors.filter((door) => door.isServer(address));
    const from = (door: Door): boolean => door.isServer(address, source.port);
    const server = servers.find((door) => asked(door) && from(door)) ?? servers.find(asked);
    const known = server ?? servers.find(from) ?? servers[0] ?? this.#listed(address, asked);
    if (known !== undefined) return { account: known.account, caller: 'known' };
    const named = digestUser(request.headers);
    const proving = this.#doors.find(
      ({ account }) => account.callers !== undefined && account.callers.user === named,
    );
    const open = this.#doors.find((door) => !door.closed);
    const door = proving ?? this.#doors.find(asked) ?? open ?? this.#doors[0];
    return { account: door.account, caller: door.closed ? 'refused' : 'stranger' };
  }

  /**
   * What a caller must answer before it is served, as header lines of a 401; undefined: nothing (more). Once for each request:
   * a proof that comes again proves nothing.
   */
  challenge(
    { account, caller }: CallerChoice,
    { headers, method, uri, body }: SipRequest,
  ): { readonly lines: string[]; readonly wrong: boolean } | undefined {
    const digest = this.#doors.find((door) => door.account === account)?.digest;
    if (digest === undefined || caller === 'known') return undefined;
    const proof = digest.check(headers, { method, uri: uri.text, body });
    if (proof === 'proven') return undefined;
    return { lines: digest.challenge(proof === 'stale'), wrong: proof === 'wrong' };
  }

  #listed(address: string, asked: (door: Door) => boolean): Door | undefined {
    const listed = this.#doors.filter((door) => door.lists(address));
    return listed.find(asked) ?? listed[0];
  }
}

/** What one account knows about callers. */
class Door {
  readonly account: SipAccount;
  /** Only servers and listed addresses may call. */
  readonly closed: boolean;
  readonly digest: DigestServer | undefined;
  readonly #list: BlockList;
  readonly #servers = new Set<string>();
  readonly #endpoints = new Set<string>();

  constructor(account: SipAccount) {
    const { allowedSources = [], callers, domain } = account;
    this.account = account;
    this.closed = allowedSources.length > 0;
    this.digest = callers && new DigestServer({ realm: domain, credentials: callers });
    this.#list = toBlockList(allowedSources);
  }

  learn(address: string, port: number | undefined): void {
    if (isIP(address) === 0 || this.#endpoints.size >= addressesKept) return;
    this.#servers.add(plainAddress(address));
    this.#endpoints.add(`${plainAddress(address)} ${port ?? 5_060}`);
  }

  isServer(address: string, port?: number): boolean {
    return port === undefined ? this.#servers.has(address) : this.#endpoints.has(`${address} ${port}`);
  }

  lists(address: string): boolean {
    return this.#list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  }
}
