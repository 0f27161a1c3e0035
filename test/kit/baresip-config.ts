import type { BaresipCodec, BaresipOptions } from './baresip.ts';

export interface BaresipSettings {
  readonly directory: string;
  readonly port: number;
  readonly controlPort: number;
  /** Rate of the file it plays. */
  readonly rate: number;
}

/** Audio from a file, to nowhere (aubridge), both recorded by sndfile; commands and events over ctrl_tcp. */
export function baresipConfig(s: BaresipSettings): string {
  return `poll_method epoll
sip_listen 127.0.0.1:${s.port}
net_interface 127.0.0.1
audio_source aufile,${s.directory}/says.wav
audio_player aubridge,nowhere
audio_alert aubridge,nowhere
ausrc_srate ${s.rate}
ausrc_channels 1
rtp_ports 40000-59998
rtp_stats no
rtcp_mux no
jitter_buffer_delay 1-10
ringback_disabled yes
menu_bell no
statmode_default off
call_max_calls 4
snd_path ${s.directory}
ctrl_tcp_listen 127.0.0.1:${s.controlPort}
module_path ${modulePath}
module g711.so
module g722.so
module opus.so
module srtp.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp account.so
module_app ctrl_tcp.so
module_app menu.so
`;
}

/** Where Debian's baresip-core puts its modules. */
const modulePath = '/usr/lib/baresip/modules';

/** As baresip finds them; a codec that it does not find makes it offer all. */
const codecNames = {
  PCMU: 'PCMU/8000/1',
  PCMA: 'PCMA/8000/1',
  G722: 'G722/16000/1',
  opus: 'opus/48000/2',
} as const satisfies Record<BaresipCodec, string>;

/** The one line of baresip's `accounts` file. */
export function baresipAccount(
  options: BaresipOptions,
  codecs: readonly BaresipCodec[],
  port: number,
): string {
  const { user, registrar } = options;
  const transport = options.transport ?? 'udp';
  const domain = options.domain ?? registrar?.host ?? `127.0.0.1:${port}`;
  const parameters = [
    `answermode=${options.answer ?? 'auto'}`,
    `audio_codecs=${codecs.map((codec) => codecNames[codec]).join(',')}`,
    'ptime=20',
    ...(options.encryption ? [`mediaenc=${options.encryption}`] : []),
    ...(registrar
      ? [
          `auth_user=${user}`,
          `auth_pass=${registrar.password}`,
          `outbound="sip:${registrar.host}:${registrar.port};transport=${transport}"`,
          'regint=600',
        ]
      : ['regint=0']),
  ];
  return `<sip:${user}@${domain};transport=${transport}>;${parameters.join(';')}\n`;
}
