import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callerName } from './caller-name.ts';

test('the room reads the name or the number, and who passed the call on', () => {
  const remote = { uri: 'sip:491@pbx.test', user: '491', displayName: undefined };
  assert.equal(callerName(remote), '491');
  assert.equal(callerName({ ...remote, displayName: 'Alice' }), 'Alice');
  const diverted = { user: '200', displayName: undefined };
  assert.equal(callerName({ ...remote, displayName: 'Alice', diverted }), 'Alice (via 200)');
  assert.equal(callerName({ ...remote, diverted: { ...diverted, displayName: 'Desk' } }), '491 (via Desk)');
});
