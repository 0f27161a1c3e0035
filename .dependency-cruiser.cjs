/**
 * The import directions of docs/architecture.md:
 *   errors, log, events <- config <- { xmpp | sip | media } <- call <- http <- gateway <- cli
 * and: each third-party library stands behind exactly one adapter file.
 */
const rooms = ['xmpp', 'sip', 'media'];

/** A room never imports its neighbours. */
const strangers = rooms.map((room) => ({
  name: `${room}-stands-alone`,
  severity: 'error',
  comment: 'xmpp, sip and media never import each other; call/ is the only place that knows all three',
  from: { path: `^src/${room}/` },
  to: { path: `^src/(?!(${room}|config)/|(errors|log|events)\\.ts$)` },
}));

/** One library, one adapter file. */
const adapter = (library, files) => ({
  name: `one-adapter-for-${library.replace(/\W+/g, '-')}`,
  severity: 'error',
  comment: `${library} may be imported only in ${files}`,
  from: { path: '^src/', pathNot: files },
  to: { path: `node_modules/${library}/` },
});

module.exports = {
  forbidden: [
    ...strangers,
    {
      name: 'foundation-imports-no-room',
      severity: 'error',
      from: { path: '^src/(errors|log|events)\\.ts$' },
      to: { path: '^src/', pathNot: '^src/(errors|log|events)\\.ts$' },
    },
    {
      name: 'config-imports-only-the-foundation',
      severity: 'error',
      from: { path: '^src/config/' },
      to: { path: '^src/', pathNot: '^src/(config/|(errors|log|events)\\.ts$)' },
    },
    {
      name: 'call-imports-nothing-above-it',
      severity: 'error',
      from: { path: '^src/call/' },
      to: { path: '^src/(http/|gateway\\.ts|cli\\.ts)' },
    },
    {
      name: 'gateway-does-not-import-cli',
      severity: 'error',
      from: { path: '^src/gateway\\.ts$' },
      to: { path: '^src/cli\\.ts$' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'a circle with an edge of types alone vanishes when the code runs',
      from: { path: '^(src|test)/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'resolvable', severity: 'error', from: { path: '^(src|test)/' }, to: { couldNotResolve: true } },
    {
      name: 'product-does-not-import-its-tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^test/' },
    },
    adapter('pino', '^src/log\\.ts$'),
    adapter('pino-pretty', '^src/log\\.ts$'),
    adapter('(@xmpp|ltx)', '^src/xmpp/(component-stream|stanza)\\.ts$'),
    adapter('sdp-transform', '^src/sip/sdp-text\\.ts$'),
    adapter('sip\\.js', '^src/sip/embedded/sip-js\\.ts$'),
    adapter('drachtio-srf', '^src/sip/drachtio/drachtio-srf\\.ts$'),
    adapter('@noble', '^src/media/worker/p256(\\.test)?\\.ts$'),
    adapter('werift', '^src/media/worker/werift\\.ts$'),
    adapter('libopus-wasm', '^src/media/worker/libopus-wasm\\.ts$'),
    adapter('koffi', '^src/media/worker/native-library\\.ts$'),
    adapter('commander', '^src/config/arguments\\.ts$'),
    adapter('(dotenv|yaml|zod)', '^src/config/'),
    adapter('ipaddr\\.js', '^src/config/addresses\\.ts$'),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json', '.d.ts'],
    },
  },
};
