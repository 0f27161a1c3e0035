/**
 * The one catalogue of endings: every way in which a call, a request or the start of the program can fail, with what each
 * party is told. Input errors travel as values (`Result`); exceptions are bugs.
 */

/** What one ending means in each party's own language. */
export interface Ending {
  /** SIP status of an unanswered incoming call; in an answered one it goes into the `Reason` header of the BYE (RFC 3326). */
  readonly sip: number;
  /** SIP reason phrase, also the text of the `Reason` header. */
  readonly phrase: string;
  /** XMPP stanza error condition (RFC 6120 §8.3.3) for the dial IQ. */
  readonly xmpp: string;
  /** XMPP error type (RFC 6120 §8.3.2). */
  readonly xmppType: 'auth' | 'cancel' | 'continue' | 'modify' | 'wait';
  /** What the room reads in the occupant's `<status>`. The spelling of known texts matters: browsers translate them. */
  readonly status: string;
  /** What the operator can do about it; goes into the log line. */
  readonly remedy: string;
}

const catalogue = {
  hangup: ending(200, 'Normal call clearing', 'gone', 'cancel', 'Disconnected', 'Nothing: somebody hung up.'),
  cancelled: ending(
    487,
    'Request Terminated',
    'gone',
    'cancel',
    'Disconnected',
    'Nothing: the caller gave up before the answer.',
  ),
  'no-room': ending(
    404,
    'No room named and no default room',
    'bad-request',
    'modify',
    'No room',
    'Let the PBX send the header Jitsi-Conference-Room, or set JIGASI_SIP_DEFAULT_ROOM.',
  ),
  'bad-room': ending(
    404,
    'Not a room of this service',
    'bad-request',
    'modify',
    'No room',
    'The room must be a bare name or a JID on the configured MUC domain.',
  ),
  'bad-request': ending(
    400,
    'Bad Request',
    'bad-request',
    'modify',
    'Bad request',
    'See the detail; the request was malformed.',
  ),
  'room-password': ending(
    403,
    'Room password wrong or missing',
    'not-authorized',
    'auth',
    'Password required',
    'Send the room password in Jitsi-Conference-Room-Pass or JvbRoomPassword.',
  ),
  'members-only': ending(
    603,
    'The lobby did not let the caller in',
    'forbidden',
    'auth',
    'Rejected',
    'The room has a lobby or is members-only; add the component domain to muc_lobby_whitelist.',
  ),
  'not-an-occupant': ending(
    403,
    'Forbidden',
    'forbidden',
    'auth',
    'Rejected',
    'Only an occupant of the room may call from it.',
  ),
  'destination-refused': ending(
    403,
    'Forbidden',
    'forbidden',
    'auth',
    'Rejected',
    'The destination is not allowed.',
  ),
  'over-capacity': ending(
    503,
    'Gateway is full',
    'resource-constraint',
    'wait',
    'Gateway is full',
    'Add a gateway to the brewery, or raise the limits.',
  ),
  draining: ending(
    503,
    'Gateway is shutting down',
    'resource-constraint',
    'wait',
    'Gateway is shutting down',
    'Nothing: another gateway takes the call.',
  ),
  'ports-exhausted': ending(
    503,
    'No free media port',
    'resource-constraint',
    'wait',
    'Gateway is full',
    'Widen --min-port/--max-port; a call needs three ports (RTP, RTCP, ICE).',
  ),
  'xmpp-unreachable': ending(
    503,
    'Conference service unreachable',
    'service-unavailable',
    'wait',
    'Service unavailable',
    'Prosody is not connected; look at the component line in the log.',
  ),
  'focus-unreachable': ending(
    503,
    'Conference focus unreachable',
    'service-unavailable',
    'wait',
    'Service unavailable',
    'Jicofo did not answer the conference request; is it running, and is the domain right?',
  ),
  'join-failed': ending(
    503,
    'The room could not be joined',
    'service-unavailable',
    'cancel',
    'Service unavailable',
    'See the detail: the room refused the join.',
  ),
  'no-invitation': ending(
    480,
    'The conference sent no invitation',
    'service-unavailable',
    'wait',
    'No conference media',
    'Jicofo sent no session-initiate although others are in the room; is a videobridge connected?',
  ),
  'room-full': ending(
    486,
    'Room is full',
    'service-unavailable',
    'wait',
    'Room is full',
    'Raise muc_max_occupants or add the component domain to muc_access_whitelist.',
  ),
  kicked: ending(
    603,
    'Removed from the room',
    'gone',
    'cancel',
    'Disconnected',
    'Nothing: a moderator removed the phone.',
  ),
  'room-destroyed': ending(
    603,
    'The room was closed',
    'gone',
    'cancel',
    'Disconnected',
    'Nothing: the room was closed.',
  ),
  'room-lost': ending(
    503,
    'The conference did not come back',
    'service-unavailable',
    'wait',
    'Disconnected',
    'The room leg was gone for 30 s; look at Prosody, Jicofo and the videobridge.',
  ),
  'ice-failed': ending(
    480,
    'No path to the videobridge',
    'service-unavailable',
    'wait',
    'No conference media',
    'No ICE check was answered: let UDP from --min-port/--max-port reach the videobridge port (10000).',
  ),
  'dtls-failed': ending(
    480,
    'Media encryption with the videobridge failed',
    'service-unavailable',
    'wait',
    'No conference media',
    'The DTLS handshake failed or the fingerprint was wrong; see the detail.',
  ),
  'bridge-lost': ending(
    480,
    'Connection to the videobridge lost',
    'service-unavailable',
    'wait',
    'No conference media',
    'ICE consent was lost; is the videobridge up?',
  ),
  'no-common-codec': ending(
    488,
    'No codec in common',
    'not-acceptable',
    'cancel',
    'Codec mismatch',
    'Allow PCMU, PCMA, G722 or opus on the PBX.',
  ),
  'phone-busy': ending(
    486,
    'Busy Here',
    'service-unavailable',
    'wait',
    'Busy',
    'Nothing: the phone is busy.',
  ),
  'phone-rejected': ending(
    603,
    'Decline',
    'service-unavailable',
    'cancel',
    'Rejected',
    'Nothing: the phone declined, or the PBX refused the call; see the status in the detail.',
  ),
  'phone-no-answer': ending(
    480,
    'No answer',
    'service-unavailable',
    'wait',
    'No answer',
    'Nothing: nobody picked up.',
  ),
  'phone-not-found': ending(
    404,
    'Not Found',
    'item-not-found',
    'cancel',
    'Not found',
    'The PBX does not know the number; check the number and the outbound prefix.',
  ),
  'phone-unreachable': ending(
    503,
    'PBX unreachable',
    'service-unavailable',
    'wait',
    'PBX unreachable',
    'The PBX did not answer; check JIGASI_SIP_SERVER, port and transport.',
  ),
  'phone-unauthorized': ending(
    403,
    'PBX refused the credentials',
    'service-unavailable',
    'cancel',
    'Rejected',
    'Check JIGASI_SIP_URI and JIGASI_SIP_PASSWORD.',
  ),
  'phone-failed': ending(
    500,
    'Call failed',
    'service-unavailable',
    'cancel',
    'Failed',
    'The PBX answered with an error; see the detail.',
  ),
  'phone-silent': ending(
    408,
    'No media from the phone',
    'gone',
    'cancel',
    'Disconnected',
    'No RTP came from the phone; check NAT and firewall between PBX and gateway.',
  ),
  'no-ack': ending(
    408,
    'The answer was never acknowledged',
    'gone',
    'cancel',
    'Disconnected',
    'The ACK did not arrive; the Contact address must be reachable from the PBX.',
  ),
  'session-expired': ending(
    408,
    'Session expired',
    'gone',
    'cancel',
    'Disconnected',
    'The PBX neither refreshed the call (RFC 4028) nor answered our refresh; it forgot the call or the network is gone.',
  ),
  'worker-lost': ending(
    500,
    'Media worker stopped',
    'internal-server-error',
    'wait',
    'Failed',
    'A bug: please report it with the log lines before this one.',
  ),
  internal: ending(
    500,
    'Internal error',
    'internal-server-error',
    'wait',
    'Failed',
    'A bug: please report it with the log lines before this one.',
  ),
} as const;

export type EndingCode = keyof typeof catalogue;

/** One ending that happened. `detail` is for the log and may hold the peer's words; it never holds secrets. */
export interface Failure {
  readonly code: EndingCode;
  readonly detail?: string;
}

export type Result<T, E = Failure> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E };

export const endings: Readonly<Record<EndingCode, Ending>> = catalogue;

export function ok<T>(value: T): Result<T, never> {
  return { ok: true, value };
}

export function fail(code: EndingCode, detail?: string): Result<never> {
  return { ok: false, error: failure(code, detail) };
}

export function failure(code: EndingCode, detail?: string): Failure {
  return detail === undefined ? { code } : { code, detail };
}

function ending(
  sip: number,
  phrase: string,
  xmpp: string,
  xmppType: Ending['xmppType'],
  status: string,
  remedy: string,
): Ending {
  return { sip, phrase, xmpp, xmppType, status, remedy };
}
