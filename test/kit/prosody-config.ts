import { readFileSync } from 'node:fs';

export interface ProsodySettings {
  readonly directory: string;
  readonly c2sPort: number;
  readonly componentPort: number;
  readonly domain: string;
  /** Secret of `callcontrol.DOMAIN`. */
  readonly secret: string;
  /** Secret of the component `focus.DOMAIN`, on which the kit's focus answers conference requests. */
  readonly focusSecret: string;
  /** `muc_filter_whitelist` of the internal MUC; undefined: everybody may join the brewery. */
  readonly breweryWhitelist: readonly string[] | undefined;
  /** Nagle's algorithm on Prosody's connections: on in Debian's Prosody, and costs 40 ms at some steps of a call. */
  readonly nagle: boolean;
}

/**
 * A Jitsi Meet installation's Prosody without its Lua plugins: the hosts, the rooms' options that Jicofo relies on, and the
 * component of config/prosody.cfg.lua.snippet. In a real one `focus.DOMAIN` is mod_client_proxy in front of focus@auth.DOMAIN.
 */
export function prosodyConfig(s: ProsodySettings): string {
  return `
pidfile = "${s.directory}/prosody.pid"
data_path = "${s.directory}/data"
plugin_paths = { "${s.directory}/plugins" }
run_as_root = true
log = { { levels = { min = "debug" }, to = "console" } }

interfaces = { "127.0.0.1" }
component_interfaces = { "127.0.0.1" }
c2s_ports = { ${s.c2sPort} }
component_ports = { ${s.componentPort} }
legacy_ssl_ports = {}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
modules_enabled = { "saslauth", "disco", "ping" }
modules_disabled = { "s2s", "offline", "tls" }
storage = "memory"
${s.nagle ? '' : 'network_settings = { nagle = false }\n'}
VirtualHost "${s.domain}"
  authentication = "anonymous"

VirtualHost "auth.${s.domain}"
  authentication = "internal_plain"
  storage = "internal"

Component "conference.${s.domain}" "muc"
  restrict_room_creation = true
  muc_room_locking = false
  muc_room_default_public_jids = true
  muc_tombstones = false
  admins = { "focus@auth.${s.domain}" }

Component "internal.auth.${s.domain}" "muc"
  muc_room_locking = false
  muc_room_default_public_jids = true
  muc_tombstones = false
  admins = { "focus@auth.${s.domain}" }
${filter(s.breweryWhitelist)}
Component "focus.${s.domain}"
  component_secret = "${s.focusSecret}"

${documented(s)}`;
}

/** What we tell people to add to their Prosody, for this domain and secret. */
function documented(s: ProsodySettings): string {
  const file = new URL('../../config/prosody.cfg.lua.snippet', import.meta.url);
  return readFileSync(file, 'utf8').replaceAll('meet.example', s.domain).replaceAll('change-me', s.secret);
}

function filter(whitelist: readonly string[] | undefined): string {
  if (whitelist === undefined) return '';
  const domains = whitelist.map((domain) => `"${domain}"`).join(', ');
  return `  modules_enabled = { "kit_filter_access" }\n  muc_filter_whitelist = { ${domains} }\n`;
}

/** What Jitsi's mod_muc_filter_access does: presence from a domain that is not listed vanishes without an answer. */
export const filterAccessModule = `
local host_of = require "util.jid".host;
local whitelist = module:get_option_set("muc_filter_whitelist");
local function filter(event)
  local from = event.stanza.attr.from;
  if not from or not whitelist:contains(host_of(from)) then return true; end
end
for _, kind in ipairs({ "host", "bare", "full" }) do module:hook("presence/" .. kind, filter, 2000); end
`;
