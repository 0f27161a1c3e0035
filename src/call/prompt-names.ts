import type { EndingCode } from '../errors.ts';

/** The prompts in sounds/<language>/. */
export const promptNames = [
  'alone',
  'waiting',
  'reconnecting',
  'room-password',
  'members-only',
  'room-full',
  'kicked',
  'room-destroyed',
  'unreachable',
] as const;

export type PromptName = (typeof promptNames)[number];

const words: Partial<Record<EndingCode, PromptName>> = {
  'room-password': 'room-password',
  'members-only': 'members-only',
  'room-full': 'room-full',
  kicked: 'kicked',
  'room-destroyed': 'room-destroyed',
  'xmpp-unreachable': 'unreachable',
  'focus-unreachable': 'unreachable',
  'join-failed': 'unreachable',
  'no-invitation': 'unreachable',
  'room-lost': 'unreachable',
  'ice-failed': 'unreachable',
  'dtls-failed': 'unreachable',
  'bridge-lost': 'unreachable',
};

/** What a phone hears before its BYE, or before it is refused; undefined: nothing. */
export function lastWords(code: EndingCode): PromptName | undefined {
  return words[code];
}
