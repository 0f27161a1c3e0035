/** Something in the configuration that keeps the program from starting. */
export interface Problem {
  /** Where it came from, e.g. `environment JIGASI_SIP_PORT`, `jigasi.yaml sip.port`, `command line --min-port`. */
  readonly from: string;
  /** What is wrong with it; never holds a secret. */
  readonly what: string;
  /** What to do; may have several lines. */
  readonly remedy: string;
}

/** One message for the operator with every problem in it. */
export function describeProblems(problems: readonly Problem[]): string {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  const entries = problems.map(({ from, what, remedy }) => `  * ${from}: ${what}\n${indented(remedy)}`);
  return [`jigasi cannot start: ${count} in the configuration.`, ...entries].join('\n');
}

function indented(text: string): string {
  return text
    .split('\n')
    .map((line, index) => (index === 0 ? `    -> ${line}` : `       ${line}`))
    .join('\n');
}
