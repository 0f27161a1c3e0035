import type { Take } from './demo-calls.ts';
import type { Delays } from './demo-delay.ts';
import type { Heard, Hearing } from './demo-hearing.ts';

/** One way of calling: the conversation and the delays. A part that did not come about is undefined. */
export interface CallResult {
  readonly take: Take | undefined;
  readonly delays: Delays | undefined;
}

export interface Results {
  readonly dialIn: CallResult;
  readonly dialOut: CallResult;
  /** Everything that was not as it should be; none: all was heard. */
  readonly problems: readonly string[];
}

const head = ['call', 'who hears', 'whom', 'tone', 'level', 'longest pause', 'delay'];

/** Who heard whom, as text. */
export function table(results: Results): string {
  const rows = [head, ...rowsOf('dial-in', results.dialIn), ...rowsOf('dial-out', results.dialOut)];
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('   ')
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width)).join('───');
  const [first = head, ...rest] = rows;
  return [line(first), rule, ...rest.map(line), '', ...setUps(results)].join('\n');
}

function rowsOf(call: string, { take, delays }: CallResult): string[][] {
  const rows = (listener: string, hearing: Hearing | undefined, delay: number | undefined) => [
    ...(hearing?.heard ?? []).map(({ who, hz, dbfs, pauseMs }) => [
      ...[call, listener, who, `${hz.toFixed(0)} Hz`, `${dbfs.toFixed(1)} dBFS`],
      ...[pauseMs === 0 ? 'none' : `${pauseMs} ms`, milliseconds(delay)],
    ]),
    ...(hearing?.missed ?? []).map(({ who, hz }) => [call, listener, who, `${hz} Hz`, 'NOT HEARD']),
  ];
  return [
    ...rows('the phone', take?.phoneHears, delays?.roomToPhoneMs),
    ...rows('Alice and Bob', take?.roomHears, delays?.phoneToRoomMs),
  ];
}

function setUps({ dialIn, dialOut }: Results): string[] {
  const one = (call: string, { take, delays }: CallResult) => {
    const answered = take && `answered ${milliseconds(take.setupMs)} after dialling`;
    const audio = delays && `audio both ways after ${milliseconds(delays.audioMs)} (second telephone)`;
    const known = [answered, audio].filter((part) => part !== undefined);
    return `Set-up of the ${call}: ${known.join(', ') || 'did not come about'}`;
  };
  const bursts = dialIn.delays?.bursts ?? dialOut.delays?.bursts;
  const method =
    bursts === undefined
      ? []
      : [
          `Delay: on the wire through the gateway, from the first packet of a tone burst going in to the first one with it coming out`,
          `(median of ${bursts}), in calls of a second telephone that times its packets (PCMU, 20 ms); buffers in the listeners’ ends come on top.`,
        ];
  return [one('dial-in', dialIn), one('dial-out', dialOut), ...method];
}

const milliseconds = (value: number | undefined): string =>
  value === undefined ? 'unknown' : `${Math.round(value)} ms`;

/** The same for machines. `delayMs` is the longer of the two directions; what is not known is null. */
export function asJson({ dialIn, dialOut, problems }: Results): string {
  const report = {
    dialIn: callJson(dialIn),
    dialOut: callJson(dialOut),
    problems,
    ok: problems.length === 0,
  };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

function callJson({ take, delays }: CallResult): object {
  const heard = (all: readonly Heard[] = []) =>
    all.map(({ who, hz, dbfs, pauseMs }) => ({ who, hz: round(hz), dbfs: round(dbfs), pauseMs }));
  return {
    phoneHears: heard(take?.phoneHears.heard),
    roomHears: heard(take?.roomHears.heard),
    setupMs: round(take?.setupMs),
    audioMs: round(delays?.audioMs),
    delayMs: round(delays && Math.max(delays.phoneToRoomMs, delays.roomToPhoneMs)),
    phoneToRoomMs: round(delays?.phoneToRoomMs),
    roomToPhoneMs: round(delays?.roomToPhoneMs),
  };
}

const round = (value: number | undefined): number | null =>
  value === undefined ? null : Math.round(value * 10) / 10;
