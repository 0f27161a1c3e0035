import { Command, Option as Flag } from 'commander';
import { suggestion } from './nearest-name.ts';
import { type Option, type OptionKey, optionKeys, options } from './options.ts';
import type { Problem } from './problem.ts';
import type { Given, Source } from './settings.ts';

export interface CommandLine {
  readonly source: Source;
  readonly configFile: string | undefined;
  readonly configDirectory: string | undefined;
  /** `--help` or `--version` was asked for. */
  readonly wanted: 'help' | 'version' | undefined;
  readonly help: string;
  readonly warnings: readonly string[];
  readonly problems: readonly Problem[];
}

/** Flags that stand in old start scripts of Jigasi. */
const oldFlags: Readonly<Record<string, string>> = {
  logdir: 'logs go to standard output; let the service manager keep them',
  configwritable: 'the configuration is never written',
  configdirname: 'give the whole folder with --configdir',
};

const examples = `
Examples:
  jigasi --domain meet.example --subdomain callcontrol --secret s3cret
  jigasi --config /etc/jigasi/jigasi.yaml --log-level=debug

The SIP account and all other settings come from the environment, .env, jigasi.yaml or sip-communicator.properties:
see docs/configuration.md.`;

/** Reads the command line: `--name value` and `--name=value`. `argv` without the program's own name. */
export function readArguments(argv: readonly string[]): CommandLine {
  const command = describeCommand();
  const problems: Problem[] = [];
  const { operands, unknown } = command.parseOptions([...argv]);
  const strangers = unknown.filter((word) => word.startsWith('-'));
  for (const word of strangers) problems.push(unknownFlag(word, command));
  // Words after an unknown option are most likely its values; commander keeps them apart.
  if (operands.length > 0) problems.push(strayWord);
  const { help, version, ...given }: Record<string, unknown> = command.opts();
  const texts = new Map<string, string>();
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === 'string' && value !== '') texts.set(name, value);
    else problems.push(missingValue(name));
  }
  if (isTrue(texts.get('nocomponent'))) problems.push(noComponent);
  return {
    source: sourceOf(texts),
    configFile: texts.get('config'),
    configDirectory: directoryOf(texts),
    wanted: help === true ? 'help' : version === true ? 'version' : undefined,
    help: command.helpInformation() + examples,
    warnings: warningsOf(texts),
    problems,
  };
}

/** The name of an option as one writes it, for messages and the table. */
export function flagOf(option: Option): string | undefined {
  return option.flag === undefined ? undefined : `--${option.flag}`;
}

/** A value may be missing for commander, so that each missing one becomes a problem of its own. */
function describeCommand(): Command {
  const command = new Command('jigasi')
    .description('Connects telephones (SIP) with Jitsi Meet rooms (XMPP component).')
    .usage('--domain <domain> --secret <secret> [options]')
    .helpOption(false)
    .exitOverride()
    .configureHelp({ optionTerm: (flag) => flag.flags.replace('[', '<').replace(']', '>') });
  for (const key of optionKeys) {
    const option: Option = options[key];
    if (option.flag !== undefined) command.addOption(keepName(`--${option.flag} [value]`, plain(option)));
  }
  command.addOption(keepName('--config [file]', 'jigasi.yaml or sip-communicator.properties'));
  command.addOption(keepName('--configdir [folder]', 'Folder that holds one of them or both'));
  command.addOption(keepName('--version', 'Show the version'));
  command.addOption(keepName('--help', 'Show this text'));
  for (const name of [...Object.keys(oldFlags), 'nocomponent']) {
    command.addOption(keepName(`--${name} [value]`, '').preset('true').hideHelp());
  }
  return command;
}

/** Commander would turn `--min-port` into `minPort`; the names stay as they are written. */
function keepName(flags: string, description: string): Flag {
  const flag = new Flag(flags, description);
  flag.attributeName = () => flag.name();
  return flag;
}

function plain(option: Option): string {
  const text = option.about.replaceAll('`', '');
  return option.fallback === undefined ? text : `${text} (default: ${String(option.fallback)})`;
}

/** Only the name is shown: a value may be a secret. */
function unknownFlag(word: string, command: Command): Problem {
  const known = command.options.filter((flag) => !flag.hidden).map((flag) => `--${flag.name()}`);
  const name = word.split('=')[0] ?? word;
  return {
    from: 'command line',
    what: `${name} is unknown`,
    remedy: suggestion(name, known, 'See jigasi --help.'),
  };
}

const strayWord: Problem = {
  from: 'command line',
  what: 'there is a word that belongs to no option',
  remedy: 'Every value follows its option, as in --port 5347 or --port=5347; see jigasi --help.',
};

function missingValue(name: string): Problem {
  return {
    from: `command line --${name}`,
    what: 'the value is missing',
    remedy: `Write --${name}=VALUE (with = also when the value begins with a hyphen).`,
  };
}

const noComponent: Problem = {
  from: 'command line --nocomponent',
  what: 'this gateway is always an XMPP component',
  remedy:
    'Remove it and give --domain, --subdomain and --secret of a Component in Prosody; JIGASI_BREWERY_MUC joins the brewery besides.',
};

function sourceOf(texts: ReadonlyMap<string, string>): Source {
  const source = new Map<OptionKey, Given>();
  for (const key of optionKeys) {
    const { flag }: Option = options[key];
    const raw = flag === undefined ? undefined : texts.get(flag);
    if (raw !== undefined) source.set(key, { raw, from: `command line --${flag}` });
  }
  return source;
}

function directoryOf(texts: ReadonlyMap<string, string>): string | undefined {
  const [folder, name] = [texts.get('configdir'), texts.get('configdirname')];
  return folder === undefined || name === undefined ? folder : `${folder}/${name}`;
}

function warningsOf(texts: ReadonlyMap<string, string>): string[] {
  const warnings = Object.entries(oldFlags)
    .filter(([name]) => texts.has(name))
    .map(([name, advice]) => `--${name} is an option of the old Jigasi: ${advice}`);
  if (texts.has('secret')) {
    warnings.push(
      '--secret on the command line can be read by other users of this machine; JIGASI_COMPONENT_SECRET or JIGASI_COMPONENT_SECRET_FILE cannot',
    );
  }
  return warnings;
}

function isTrue(value: string | undefined): boolean {
  return value !== undefined && value.toLowerCase() !== 'false';
}
