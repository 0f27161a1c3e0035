import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { good } from '../config/load.fixture.ts';
import { silentLog } from '../log.ts';
import type { MediaEngine } from '../media/media-engine.ts';
import type { SipEngine } from '../sip/engine.ts';
import type { ServiceState } from '../sip/service-state.ts';
import type { XmppSide } from '../xmpp/xmpp-side.ts';
import { Switchboard } from './switchboard.ts';

test('SIP peers that ask are told at once whether a call would be served', () => {
  const told: ServiceState[] = [];
  const sip = Object.assign(new EventEmitter(), { report: (state: ServiceState) => void told.push(state) });
  const xmpp = Object.assign(new EventEmitter(), { online: false, publish: () => {} });
  const { config } = good({});
  const { registry } = new Switchboard({
    config: { ...config, call: { ...config.call, maxCalls: 1 } },
    xmpp: xmpp as unknown as XmppSide,
    sip: sip as unknown as SipEngine,
    media: {} as MediaEngine,
    log: silentLog,
  });
  assert.deepEqual(told.at(-1), { state: 'unavailable', calls: 0, maxCalls: 1 });
  xmpp.online = true;
  xmpp.emit('online');
  assert.deepEqual(told.at(-1), { state: 'open', calls: 0, maxCalls: 1 });
  assert.ok(registry.admit().ok);
  assert.deepEqual(told.at(-1), { state: 'full', calls: 1, maxCalls: 1 });
  registry.turnAway();
  assert.deepEqual(told.at(-1), { state: 'open', calls: 0, maxCalls: 1 });
  xmpp.online = false;
  xmpp.emit('offline');
  assert.equal(told.at(-1)?.state, 'unavailable');
});
