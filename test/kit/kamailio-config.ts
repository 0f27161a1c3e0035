export interface KamailioSettings {
  readonly port: number;
  readonly domain: string;
  /** Password by user. */
  readonly users: Readonly<Record<string, string>>;
  readonly algorithm: 'MD5' | 'SHA-256';
  /** User that dialled rooms go to. */
  readonly gateway: string;
  /** Longest registration that is granted. */
  readonly maxExpires: number;
  readonly tls?: KamailioTls;
}

export interface KamailioTls {
  readonly port: number;
  readonly certificate: string;
  readonly key: string;
  /** Authority whose certificates clients must show; undefined: none is asked for. */
  readonly clientsOf?: string;
  readonly method?: 'TLSv1.2+' | 'TLSv1.2';
}

/** A small PBX: digest for everybody, registrations in memory, record-routing, a dial plan with rooms behind a gateway. */
export function kamailioConfig(s: KamailioSettings): string {
  const users = Object.entries(s.users)
    .map(([user, password]) => `  $sht(users=>${user}) = "${password}";`)
    .join('\n');
  return `#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=2
tcp_children=1
auto_aliases=no
dns=no
rev_dns=no
disable_tcp=no
listen=udp:127.0.0.1:${s.port}
listen=tcp:127.0.0.1:${s.port}
${s.tls === undefined ? '' : `enable_tls=yes\nlisten=tls:127.0.0.1:${s.tls.port}`}
alias="${s.domain}"
server_signature=yes

loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "htable.so"
loadmodule "xlog.so"
loadmodule "nathelper.so"
${s.tls === undefined ? '' : tlsModule(s.tls)}
modparam("nathelper|registrar", "received_avp", "$avp(RECEIVED)")

modparam("tm", "fr_timer", 5000)
modparam("tm", "fr_inv_timer", 60000)
modparam("usrloc", "db_mode", 0)
modparam("usrloc", "timer_interval", 5)
modparam("registrar", "max_expires", ${s.maxExpires})
modparam("registrar", "min_expires", 1)
modparam("auth", "algorithm", "${s.algorithm}")
modparam("auth", "nonce_expire", 300)
modparam("rr", "enable_double_rr", 0)
modparam("htable", "htable", "users=>size=6;")

event_route[htable:mod-init] {
${users}
}

request_route {
  if (!mf_process_maxfwd_header("20")) { sl_send_reply("483", "Too Many Hops"); exit; }
  if (is_method("OPTIONS") && uri == myself && $rU == $null) { sl_send_reply("200", "OK"); exit; }
  if (is_method("CANCEL")) { if (t_check_trans()) { t_relay(); } exit; }
  if (has_totag()) { route(DIALOG); exit; }
  if (is_method("ACK")) { if (t_check_trans()) { t_relay(); } exit; }
  t_check_trans();
  if (is_method("REGISTER")) { route(REGISTER); exit; }
  route(PROVE);
  record_route();
  route(DIAL_PLAN);
}

route[REGISTER] {
  if ($sht(users=>$tU) == $null) { sl_send_reply("404", "No such user"); exit; }
  if ($au == $null || !pv_www_authenticate("$fd", "$sht(users=>$au)", "0")) { www_challenge("$fd", "1"); exit; }
  if ($au != $tU) { sl_send_reply("403", "Not your address of record"); exit; }
  xlog("L_NOTICE", "REGISTERED $tU expires=$hdr(Expires) $hdr(Contact)\\n");
  # A connection that a client opened is the way back to it.
  if (proto != UDP) { fix_nated_register(); }
  save("location");
}

route[PROVE] {
  if ($au == $null || !pv_proxy_authenticate("$fd", "$sht(users=>$au)", "0")) { proxy_challenge("$fd", "1"); exit; }
  consume_credentials();
}

route[DIALOG] {
  if (loose_route()) { t_relay(); exit; }
  if (is_method("ACK")) { if (t_check_trans()) { t_relay(); } exit; }
  sl_send_reply("404", "Not in a dialog here");
}

# room-NAME: to the gateway, with the header that names the room. Everything else: a registered user.
route[DIAL_PLAN] {
  if ($rU =~ "^room-") {
    append_hf("Jitsi-Conference-Room: $(rU{s.substr,5,0})\\r\\n");
    $rU = "${s.gateway}";
  }
  if ($sht(users=>$rU) == $null) { sl_send_reply("404", "No such number"); exit; }
  $rd = "${s.domain}";
  if (!lookup("location")) { sl_send_reply("480", "Not registered"); exit; }
  xlog("L_NOTICE", "RELAY $rm from $fU to $tU at $du$ru\\n");
  t_relay();
}
`;
}

function tlsModule(tls: KamailioTls): string {
  const parameters = [
    ['certificate', tls.certificate],
    ['private_key', tls.key],
    ['tls_method', tls.method ?? 'TLSv1.2+'],
    ...(tls.clientsOf === undefined ? [] : [['ca_list', tls.clientsOf]]),
  ].map(([name, value]) => `modparam("tls", "${name}", "${value}")`);
  if (tls.clientsOf !== undefined) {
    parameters.push('modparam("tls", "verify_certificate", 1)', 'modparam("tls", "require_certificate", 1)');
  }
  return ['loadmodule "tls.so"', ...parameters].join('\n');
}
