import { endings, type Failure } from '../errors.ts';
import type { Log } from '../log.ts';
import { type Dial, ref } from './rayo.ts';
import { type PromptAnswer, refuse } from './replies.ts';
import type { DialRequest } from './xmpp-side.ts';

export interface DialSource {
  readonly via: DialRequest['via'];
  readonly dialler: string;
  readonly log: Log;
  answer(answer: PromptAnswer): void;
}

/** A dial IQ that waits for its answer; only the first answer is sent. */
export function dialRequest(dial: Dial, { via, dialler, log, answer }: DialSource): DialRequest {
  let open = true;
  const once = (given: PromptAnswer): void => {
    if (open) answer(given);
    else log.warn({ via }, 'A dial request was answered twice; this is a bug');
    open = false;
  };
  return {
    ...dial,
    via,
    dialler,
    accept: (occupantJid) => once({ result: ref(occupantJid) }),
    refuse: (why: Failure) => {
      const { xmpp, xmppType, phrase } = endings[why.code];
      once(refuse(xmppType, xmpp, phrase));
    },
  };
}
