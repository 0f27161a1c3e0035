import * as kinds from './kinds.ts';
import { optional, withDefault } from './option.ts';

/** The engine `drachtio`. */
export const drachtio = {
  'drachtio.host': withDefault(
    kinds.hostsOrAddresses,
    ['127.0.0.1'],
    'drachtio-servers that the gateway connects to, separated by commas',
    { environment: ['JIGASI_DRACHTIO_HOST'] },
  ),
  'drachtio.port': withDefault(kinds.port, 9022, 'Admin port of the drachtio-servers', {
    environment: ['JIGASI_DRACHTIO_PORT'],
  }),
  'drachtio.secret': optional(kinds.secret, 'Secret shared with the drachtio-servers', {
    environment: ['JIGASI_DRACHTIO_SECRET'],
    fallbackText: 'required with the engine `drachtio`',
    secret: true,
  }),
  'drachtio.mode': withDefault(
    kinds.oneOf(['inbound', 'outbound']),
    'inbound',
    '`inbound`: calls come over our connections; `outbound`: the servers connect to us with each call',
    { environment: ['JIGASI_DRACHTIO_MODE'] },
  ),
  'drachtio.listenAddress': withDefault(
    kinds.localAddress,
    '0.0.0.0',
    'Local address that drachtio-servers connect to (`outbound`)',
    { environment: ['JIGASI_DRACHTIO_LISTEN_ADDRESS'] },
  ),
  'drachtio.listenPort': withDefault(
    kinds.listenPort,
    3000,
    'Local port that drachtio-servers connect to (`outbound`); 0: any',
    { environment: ['JIGASI_DRACHTIO_LISTEN_PORT'] },
  ),
  'drachtio.tags': optional(
    kinds.drachtioTags,
    'Tags by which a request handler of drachtio-server chooses among gateways',
    { environment: ['JIGASI_DRACHTIO_TAGS'] },
  ),
  'drachtio.keepRegistration': withDefault(
    kinds.switched,
    true,
    'The registration stays when this gateway stops: other gateways use the same drachtio-server',
    { environment: ['JIGASI_DRACHTIO_KEEP_REGISTRATION'] },
  ),
};
