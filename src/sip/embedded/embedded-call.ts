import { BaseCall, type CallParts as BaseParts } from '../base-call.ts';
import type { EmbeddedCore } from './core.ts';
import type { DialogLeg } from './dialog-leg.ts';

export { remoteOf } from '../remote-party.ts';

export interface CallParts extends BaseParts {
  readonly core: EmbeddedCore;
}

/** What incoming and outgoing calls of this engine share. */
export abstract class EmbeddedCall extends BaseCall {
  protected readonly core: EmbeddedCore;
  protected leg: DialogLeg | undefined;

  constructor(parts: CallParts) {
    super(parts);
    this.core = parts.core;
  }
}
