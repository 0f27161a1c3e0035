import dgram from 'node:dgram';
import dns from 'node:dns';
import net from 'node:net';

/**
 * Damaged messages name damaged hosts: from here on no socket of this process sends to an address outside of `allowed`, and no
 * name is looked up. What is blocked fails as the network would let it fail.
 */
export function allowOnly(allowed: readonly string[]): void {
  blockDatagrams(new Set(allowed));
  blockConnections(new Set(allowed));
  const refuse = (): Promise<never> => Promise.reject(new Error('no names in the fuzz test'));
  for (const resolver of [dns.promises, dns.promises.Resolver.prototype]) {
    for (const name of [
      'lookup',
      'resolve',
      'resolve4',
      'resolve6',
      'resolveSrv',
      'resolveNaptr',
      'resolveAny',
    ]) {
      if (name in resolver) Object.defineProperty(resolver, name, { value: refuse, configurable: true });
    }
  }
}

type Callback = (error: Error | null) => void;

function blockDatagrams(allowed: ReadonlySet<unknown>): void {
  const { send, connect } = dgram.Socket.prototype as unknown as Record<
    string,
    (...given: unknown[]) => unknown
  >;
  Object.assign(dgram.Socket.prototype, {
    send(this: dgram.Socket, ...given: unknown[]): unknown {
      const address = given.find((value) => typeof value === 'string' && value !== given[0]);
      if (address === undefined || allowed.has(address)) return send?.apply(this, given);
      const callback = given.find((value) => typeof value === 'function') as Callback | undefined;
      return process.nextTick(() => callback?.(new Error('blocked')));
    },
    connect(this: dgram.Socket, ...given: unknown[]): unknown {
      if (allowed.has(given[1])) return connect?.apply(this, given);
      return process.nextTick(() => this.emit('error', new Error('blocked')));
    },
  });
}

function blockConnections(allowed: ReadonlySet<unknown>): void {
  const { connect } = net.Socket.prototype as unknown as Record<string, (...given: unknown[]) => net.Socket>;
  Object.assign(net.Socket.prototype, {
    connect(this: net.Socket, ...given: unknown[]): net.Socket {
      const first = Array.isArray(given[0]) ? given[0][0] : given[0];
      const host = typeof first === 'object' && first !== null && 'host' in first ? first.host : given[1];
      if (allowed.has(host)) return connect?.apply(this, given) ?? this;
      process.nextTick(() => this.destroy(new Error('blocked')));
      return this;
    },
  });
}
