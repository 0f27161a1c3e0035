import { ns } from './namespaces.ts';
import { attribute, type Element, element } from './stanza.ts';

/** How to refuse an IQ (RFC 6120 §8.3). */
export interface Refusal {
  readonly type: 'auth' | 'cancel' | 'continue' | 'modify' | 'wait';
  readonly condition: string;
  readonly text?: string | undefined;
  /** Application-specific condition (RFC 6120 §8.3.4). */
  readonly application?: Element | undefined;
}

/**
 * What a handler answers to an IQ get or set: a result with or without payload, or a refusal. `after` runs once the reply is on
 * its way, so that nothing we send because of the IQ overtakes its reply. `later`: the handler answers by itself.
 */
export type Answer =
  | { readonly result?: Element; readonly after?: () => void }
  | { readonly refusal: Refusal }
  | 'later';

export type PromptAnswer = Exclude<Answer, 'later'>;

export function refuse(
  type: Refusal['type'],
  condition: string,
  text?: string,
  application?: Element,
): { readonly refusal: Refusal } {
  return { refusal: { type, condition, text, application } };
}

export const serviceUnavailable = refuse('cancel', 'service-unavailable');

/** The reply to `request`, its id echoed as it came. */
export function reply(request: Element, answer: PromptAnswer): Element {
  const addressed = {
    to: attribute(request, 'from'),
    from: attribute(request, 'to'),
    id: attribute(request, 'id'),
  };
  if ('refusal' in answer) return element('iq', { ...addressed, type: 'error' }, errorOf(answer.refusal));
  const { result } = answer;
  return element('iq', { ...addressed, type: 'result' }, ...(result === undefined ? [] : [result]));
}

function errorOf({ type, condition, text, application }: Refusal): Element {
  const error = element('error', { type }, element(condition, { xmlns: ns.stanzas }));
  if (text !== undefined) error.children.push(element('text', { xmlns: ns.stanzas }, text));
  if (application !== undefined) error.children.push(application);
  return error;
}
