import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { parseRaw, value } from '../../kit/raw-sip.ts';
import { quickTimes, startEngine } from '../../kit/sip-engine.ts';
import { someSdp } from '../../kit/sip-peer.ts';

test('over IPv6 the answer goes to the source, whatever its Via says, and our Contact has brackets', async (context) => {
  const gateway = await startEngine({ times: quickTimes, listen: '::1' });
  const socket = createSocket('udp6');
  context.after(async () => {
    socket.close();
    await gateway.stop();
  });
  socket.bind(0, '::1');
  await once(socket, 'listening');
  const { port } = socket.address();
  const lines = [
    `INVITE sip:room@[::1]:${gateway.port} SIP/2.0`,
    'Via: SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];rport;branch=z9hG4bKsix',
    `From: <sip:caller@[::1]:${port}>;tag=six`,
    `To: <sip:room@[::1]:${gateway.port}>`,
    'Call-ID: six',
    'CSeq: 1 INVITE',
    `Contact: <sip:caller@[::1]:${port}>`,
    'Content-Type: application/sdp',
    `Content-Length: ${someSdp.length}`,
  ];
  const trying = once(socket, 'message');
  socket.send(`${lines.join('\r\n')}\r\n\r\n${someSdp}`, gateway.port, '::1');
  const call = await gateway.nextCall();
  await trying;
  assert.equal(call.localAddress, '::1');
  const answered = once(socket, 'message');
  call.ring();
  const [bytes] = await answered;
  const ringing = parseRaw(String(bytes));
  assert.match(ringing.startLine, /^SIP\/2\.0 180 /);
  const via = `SIP/2.0/UDP [2001:db8::9:1];rport=${port};branch=z9hG4bKsix;received=::1`;
  assert.equal(value(ringing, 'via'), via);
  assert.equal(value(ringing, 'contact'), `<sip:room@[::1]:${gateway.port}>`);
});
