import type { JingleAnswer } from '../../../src/xmpp/xmpp-side.ts';

/** What the media side would answer. */
export const answer: JingleAnswer = {
  ssrc: 2023630739,
  transport: {
    ufrag: '9044',
    pwd: 'bb1366cd36416ff141814c',
    candidates: [{ foundation: '1', priority: 2116026367, address: '127.0.0.1', port: 47792, type: 'host' }],
  },
  fingerprint: { hash: 'sha-256', value: Array(32).fill('C8').join(':'), setup: 'active' },
};
