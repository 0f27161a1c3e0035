import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Caller } from './caller.ts';
import { SubjectProcess } from './subject-process.ts';

/** What 10,000 connections of one peer did to the engine and to others. */
export interface CrowdReport {
  readonly opened: number;
  /** Closed by the engine at once; it counted them. */
  readonly refused: number;
  readonly counted: number;
  /** Open at the same time, the most. */
  readonly kept: number;
  /** UDP calls of another peer meanwhile. */
  readonly otherCalls: number;
  readonly otherFailed: number;
  readonly otherRetransmitted: number;
  /** Whether a TCP connection of another peer, opened before, still gets answers. */
  readonly otherConnectionAnswers: boolean;
}

const crowdAddress = '127.93.0.1';
const otherAddress = '127.93.0.2';
const atOnce = 250;

/** Opens connections from one address and keeps what it may, while another peer calls over UDP and a third is connected. */
export async function measureCrowd(connections: number): Promise<CrowdReport> {
  const subject = await SubjectProcess.start('embedded');
  const caller = await Caller.open({ target: subject.port });
  const other = await connected(subject.port, otherAddress);
  const open: Socket[] = [];
  try {
    const before = await optionsOver(other, subject.port);
    const calls = caller.run(400, 50);
    for (let begun = 0; begun < connections; begun += atOnce) {
      const some = Array.from({ length: Math.min(atOnce, connections - begun) }, () =>
        connected(subject.port, crowdAddress),
      );
      open.push(...(await Promise.all(some)));
    }
    const answers = before && (await optionsOver(other, subject.port));
    const report = await calls;
    const { counters } = await subject.state();
    const kept = open.filter(({ closed, readableEnded }) => !closed && !readableEnded).length;
    return {
      opened: connections,
      refused: connections - kept,
      counted: counters['dropped.too-many-connections'] ?? 0,
      kept,
      otherCalls: report.begun,
      otherFailed: report.failed,
      otherRetransmitted: report.retransmitted + report.repeated,
      otherConnectionAnswers: answers,
    };
  } finally {
    for (const socket of [...open, other]) socket.destroy();
    caller.close();
    subject.stop();
  }
}

/** Resolves when it is connected, refused, or closed again. */
async function connected(port: number, localAddress: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  socket.on('error', () => {});
  socket.resume();
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => {});
  return socket;
}

async function optionsOver(socket: Socket, port: number): Promise<boolean> {
  const branch = Math.random().toString(36).slice(2);
  const lines = [
    `OPTIONS sip:127.0.0.1:${port} SIP/2.0`,
    `Via: SIP/2.0/TCP ${otherAddress}:${socket.localPort};branch=z9hG4bK${branch};rport`,
    `From: <sip:other@${otherAddress}>;tag=${branch}`,
    `To: <sip:127.0.0.1:${port}>`,
    `Call-ID: ${branch}`,
    'CSeq: 1 OPTIONS',
    'Content-Length: 0',
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  const answer = await Promise.race([
    once(socket, 'data').then(([bytes]) => String(bytes)),
    once(socket, 'close').then(() => ''),
    new Promise<string>((resolve) => setTimeout(() => resolve(''), 5_000).unref()),
  ]);
  return answer.startsWith('SIP/2.0 200');
}
