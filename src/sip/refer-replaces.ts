import type { CallerChoice } from './caller-admission.ts';
import type { InviteOptions } from './engine.ts';
import { headerLine } from './header-line.ts';
import { hasControl, parseParameters, trimSpace } from './header-text.ts';
import type { Headers } from './message.ts';

/** Value of a Replaces header (RFC 3891 §6.1): a dialog by its identifiers, the tags as its receiver sees them. */
export interface Replaces {
  readonly callId: string;
  /** Tag of the one who gets the header. */
  readonly localTag: string;
  readonly remoteTag: string;
  /** Only as long as the dialog is not answered. */
  readonly earlyOnly: boolean;
}

const longest = 512;

/** Undefined when the text is not a Replaces value. */
export function parseReplaces(value: string): Replaces | undefined {
  if (value.length > longest || hasControl(value)) return undefined;
  const semicolon = value.indexOf(';');
  if (semicolon < 0) return undefined;
  const callId = trimSpace(value.slice(0, semicolon));
  const parameters = parseParameters(value.slice(semicolon + 1));
  const [localTag, remoteTag] = [parameters.get('to-tag'), parameters.get('from-tag')];
  if (!/^[^\s,]+$/.test(callId) || !localTag || !remoteTag) return undefined;
  return { callId, localTag, remoteTag, earlyOnly: parameters.has('early-only') };
}

/** What an INVITE wants to replace (RFC 3891 §3); `malformed`: 400. */
export function replacesOf(headers: Headers): Replaces | 'malformed' | undefined {
  const values = headers.list('replaces');
  const [value] = values;
  if (value === undefined) return headers.get('replaces') === undefined ? undefined : 'malformed';
  return (values.length === 1 ? parseReplaces(value) : undefined) ?? 'malformed';
}

/** Lines of an INVITE that takes over a dialog, or that another asked for (RFC 3891 §4, RFC 3892). Throws on control characters. */
export function takeoverLines({
  replaces,
  referredBy,
}: Pick<InviteOptions, 'replaces' | 'referredBy'>): string[] {
  const lines = referredBy === undefined ? [] : [headerLine('Referred-By', referredBy)];
  // Required: a target that does not know it would take a second call instead.
  if (replaces !== undefined) lines.push(headerLine('Replaces', replaces), headerLine('Require', 'replaces'));
  return lines;
}

/** A call as the header may name it. */
export interface Replaceable {
  readonly account: { readonly name: string };
  /** Undefined: not answered yet, or over. */
  readonly dialogTags: DialogTags | undefined;
  /** Its dialogs that wait for an answer and that we opened. */
  readonly earlyTags: readonly DialogTags[];
}

export interface DialogTags {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
}

export type Replacing<T> =
  | { readonly ok: true; readonly call: T | undefined }
  | { readonly ok: false; readonly status: number; readonly phrase: string };

/**
 * The call that an INVITE replaces, or what it is refused with (RFC 3891 §3). Calls of other accounts are as unknown as those
 * that never were; one that came in and is not answered is not given away, one that we placed is.
 */
export function callToReplace<T extends Replaceable>(
  headers: Headers,
  { account, caller }: CallerChoice,
  calls: Iterable<T>,
): Replacing<T> {
  const replaces = replacesOf(headers);
  if (replaces === undefined) return { ok: true, call: undefined };
  if (replaces === 'malformed') return { ok: false, status: 400, phrase: 'Bad Request' };
  // RFC 3891 §5: whoever takes over a call must be somebody. A stranger who had to prove himself is one.
  if (caller !== 'known' && account.callers === undefined)
    return { ok: false, status: 403, phrase: 'Forbidden' };
  for (const call of calls) {
    if (call.account.name !== account.name) continue;
    if (call.earlyTags.some((tags) => isOf(tags, replaces))) return { ok: true, call };
    if (!isOf(call.dialogTags, replaces)) continue;
    return replaces.earlyOnly ? { ok: false, status: 486, phrase: 'Busy Here' } : { ok: true, call };
  }
  return { ok: false, status: 481, phrase: 'Call/Transaction Does Not Exist' };
}

function isOf(tags: DialogTags | undefined, { callId, localTag, remoteTag }: Replaces): boolean {
  return tags?.callId === callId && tags.localTag === localTag && tags.remoteTag === remoteTag;
}
