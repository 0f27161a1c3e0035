/** Old names give milliseconds where ours have seconds. What is no number stays as it is, for the message about it. */
export function millisecondsToSeconds(text: string): string {
  return /^\d{1,9}$/.test(text) ? String(Math.max(1, Math.ceil(Number(text) / 1000))) : text;
}
