import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { someAccount } from '../config/account.fixture.ts';
import type { Failure } from '../errors.ts';
import type { Log } from '../log.ts';
import { AccountStates } from './account-states.ts';
import type { Registration, ServerState } from './engine.ts';

class Registering extends EventEmitter {
  state: Registration['state'] = 'registering';
  failure: Failure | undefined;

  become(state: Registration['state'], failure?: Failure): void {
    this.state = state;
    this.failure = failure;
    this.emit(state);
  }
}

test('an account is down without a server, or while its registration fails, and says so once', () => {
  const events: unknown[] = [];
  const note = (context: { event: string; account: string }): number =>
    events.push(`${context.event} ${context.account}`);
  let servers: readonly ServerState[] | undefined;
  const states = new AccountStates({
    accounts: [someAccount],
    servers: () => servers,
    log: { info: note, warn: note } as unknown as Log,
  });
  const up = (): boolean | undefined => {
    states.review();
    return states.all[0]?.up;
  };
  assert.equal(up(), true, 'nobody has looked yet');
  servers = [];
  assert.deepEqual([up(), up()], [false, false], 'its name cannot be resolved');
  servers = [
    { server: 'a', up: false },
    { server: 'b', up: true },
  ];
  assert.equal(up(), true, 'one is enough');
  const registration = new Registering();
  states.registers(someAccount, registration as unknown as Registration);
  assert.equal(up(), true, 'not answered yet');
  registration.become('failed', { code: 'phone-unauthorized', detail: '403 Forbidden' });
  assert.partialDeepStrictEqual(states.all[0], {
    account: 'default',
    registration: 'failed',
    failure: { detail: '403 Forbidden' },
    up: false,
  });
  registration.become('registered');
  assert.equal(up(), true);
  assert.deepEqual(events, [
    'account-down default',
    'account-up default',
    'account-down default',
    'account-up default',
  ]);
});
