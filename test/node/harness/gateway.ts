import { type RunningScript, startScript } from './process.ts';

export interface GatewayOptions {
  /** Environment bindings: the settings under test. */
  readonly vars: Readonly<Record<string, unknown>>;
  /** Where storage lives; without it, in a folder that goes with the process. */
  readonly storage?: string;
  readonly port?: number;
  /** Requests a minute of one caller, with Cloudflare's rate limiting bound. */
  readonly requestsPerMinute?: number;
  /** Whether faults can be ordered, see faulty-gateway.ts. */
  readonly faulty?: boolean;
  /** Whether a debugger may attach, see memory-gauge.ts. It prints where, after `inspector`. */
  readonly inspected?: boolean;
  /** Where KV is, see workerd-process.ts. Without it, KV is Miniflare's. */
  readonly kvUrl?: string;
  /** Service bindings: name → the bound Worker's script. */
  readonly services?: Readonly<Record<string, string>>;
}

/** The gateway in a process of its own. */
export function startGateway(options: GatewayOptions): Promise<RunningScript> {
  const script = options.kvUrl === undefined ? 'gateway-process.ts' : 'workerd-process.ts';
  return startScript(script, JSON.stringify(options));
}
