/** Methods that we serve outside of a dialog, in the order of the Allow header. */
export const servedMethods = [
  'INVITE',
  'ACK',
  'CANCEL',
  'BYE',
  'OPTIONS',
  'INFO',
  'UPDATE',
  'PRACK',
  'REFER',
  'NOTIFY',
] as const;

/** Those of a call: what Allow in an INVITE and in its answers is about (RFC 3261 §13.2.1). Texts are taken from who is in a call alone. */
export const dialogMethods = [...servedMethods, 'MESSAGE'] as const;

/** What a request is counted as. */
export function countedMethod(method: string): string {
  return dialogMethods.some((served) => served === method) ? method : 'other';
}
