import type { XmlElement } from '../../kit/xml.ts';
import type { XmppEntity } from '../../kit/xmpp-entity.ts';

/** Longest wait for anything; only a test that fails waits so long. */
export const waitMs = 10_000;

/** The next stanza at a client of the kit that passes. */
export function received(entity: XmppEntity, passes: (stanza: XmlElement) => boolean): Promise<XmlElement> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no such stanza came')), waitMs);
    const look = (stanza: XmlElement): void => {
      if (!passes(stanza)) return;
      clearTimeout(timer);
      entity.off('stanza', look);
      resolve(stanza);
    };
    entity.on('stanza', look);
  });
}
