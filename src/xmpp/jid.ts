/** A parsed JID (RFC 7622); local part and domain are in lower case. */
export interface Jid {
  readonly local: string | undefined;
  readonly domain: string;
  readonly resource: string | undefined;
  readonly bare: string;
  readonly full: string;
}

const partLimit = 1023;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not pass
const forbiddenInLocal = /[\u0000-\u0020\u007f-\u00a0"&'/:<>@\u2028\u2029]/u;
const domainSyntax = /^[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)*$/u;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not pass
const forbiddenInResource = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/u;

/** Undefined when it is no JID. Letters are folded as Prosody folds them, so that replies compare equal. */
export function parseJid(text: string): Jid | undefined {
  if (text.length > 3 * partLimit + 2) return undefined;
  const slash = text.indexOf('/');
  const resource = slash < 0 ? undefined : text.slice(slash + 1).normalize('NFKC');
  const head = slash < 0 ? text : text.slice(0, slash);
  const at = head.indexOf('@');
  const local = at < 0 ? undefined : fold(head.slice(0, at));
  const domain = fold(head.slice(at + 1));
  if (local !== undefined && (local === '' || tooLong(local) || forbiddenInLocal.test(local)))
    return undefined;
  if (tooLong(domain) || !domainSyntax.test(domain)) return undefined;
  if (
    resource !== undefined &&
    (resource === '' || tooLong(resource) || forbiddenInResource.test(resource))
  ) {
    return undefined;
  }
  const bare = local === undefined ? domain : `${local}@${domain}`;
  return { local, domain, resource, bare, full: resource === undefined ? bare : `${bare}/${resource}` };
}

/** Whether both are JIDs and the same one. */
export function sameJid(one: string | undefined, other: string | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  if (one === other) return true;
  const first = parseJid(one);
  return first !== undefined && first.full === parseJid(other)?.full;
}

/** Without its resource; undefined when it is no JID. */
export function bareJid(text: string): string | undefined {
  return parseJid(text)?.bare;
}

function fold(part: string): string {
  return part.normalize('NFKC').toLowerCase();
}

function tooLong(part: string): boolean {
  return Buffer.byteLength(part) > partLimit;
}
