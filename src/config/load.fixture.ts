import assert from 'node:assert/strict';
import { type LoadInput, loadConfig } from './load.ts';
import { describeProblems } from './problem.ts';

/** For the tests of the configuration: files are in memory, below /work. */
export const enough = {
  XMPP_DOMAIN: 'meet.example',
  JIGASI_COMPONENT_SECRET: 'hush',
  JIGASI_SIP_URI: '1000@pbx.example',
  JIGASI_SIP_PASSWORD: 'hush',
  JIGASI_SIP_SERVER: 'pbx.example',
};

export interface Place {
  readonly argv?: readonly string[];
  readonly env?: Record<string, string>;
  readonly files?: Record<string, string>;
}

export function load({ argv = [], env = enough, files = {} }: Place) {
  const readFile: NonNullable<LoadInput['readFile']> = (path) => {
    const text = files[path.replace('/work/', '')];
    if (text === undefined) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
    return text;
  };
  return loadConfig({ argv, env, cwd: '/work', readFile, cores: 4 });
}

export function good(place: Place) {
  const loaded = load(place);
  if (loaded.kind === 'problems') assert.fail(describeProblems(loaded.problems));
  assert.ok(loaded.kind === 'config');
  return loaded;
}

export function bad(place: Place) {
  const loaded = load(place);
  assert.ok(loaded.kind === 'problems', 'it was taken for good');
  return loaded.problems;
}
