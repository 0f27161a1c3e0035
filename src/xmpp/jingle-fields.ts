import { attribute, type Element } from './stanza.ts';

export const textLimit = 256;
export const contentLimit = 8;

/** `audio` or `video`; some senders name it only in the content. */
export function mediaOf(content: Element, description: Element): string | undefined {
  return attribute(description, 'media') ?? attribute(content, 'name');
}

/** A decimal number between the bounds, both included. */
export function integer(source: string | undefined, least: number, most: number): number | undefined {
  if (source === undefined || !/^\d{1,10}$/.test(source)) return undefined;
  const value = Number(source);
  return value >= least && value <= most ? value : undefined;
}

/** Undefined when it is absent, empty or too long. */
export function limited(source: string | undefined, limit = textLimit): string | undefined {
  return source === undefined || source === '' || source.length > limit ? undefined : source;
}
