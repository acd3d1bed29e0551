/**
 * The command that starts a member, for pasting. Owns the proposal of where it listens: for members
 * where they were promised, and for clients at a port that no known address of the cluster has. It
 * asks nobody whether that port is free.
 */

/** The member to start. */
export interface StartHint {
  readonly name: string;
  /** The default of `serve` when absent. */
  readonly dataDir?: string;
  /** Flags that only this start needs, such as the cluster to join. */
  readonly flags?: readonly string[];
  /** Where other members will reach it. */
  readonly peerUrls: readonly string[];
  /** Addresses of all members, as far as they are known. */
  readonly takenUrls: readonly string[];
}

/** How far from a taken port the next proposal is. */
const PORT_STEP = 1000;
const PORT_MAX = 65_535;

/** The lines of the command, broken as a shell takes them. */
export function startHint(hint: StartHint): readonly string[] {
  const { name, dataDir, flags = [], peerUrls, takenUrls } = hint;
  const clientUrl = clientUrlFor(peerUrls[0], [...peerUrls, ...takenUrls]);
  const words = [
    `tidelock serve --name ${name}${dataDir === undefined ? '' : ` --data-dir ${dataDir}`}`,
    ...flags,
    `--listen-peer-urls ${peerUrls.join()}`,
    ...(clientUrl === undefined ? [] : [`--listen-client-urls ${clientUrl}`]),
  ];
  const last = words.length - 1;
  return words.map((word, at) => `  ${at > 0 ? '  ' : ''}${word}${at < last ? ' \\' : ''}`);
}

/** One below the port for members, as 2379 is below 2380, unless that is another one's. */
function clientUrlFor(peerUrl: string | undefined, taken: readonly string[]): string | undefined {
  const [, start, port] = /^(.*):(\d+)$/.exec(peerUrl ?? '') ?? [];
  if (start === undefined || port === undefined) return undefined;
  const ports = new Set(taken.map((url) => Number(/:(\d+)$/.exec(url)?.[1])));
  let proposal = Number(port) - 1;
  while (ports.has(proposal)) proposal += PORT_STEP;
  return proposal > 0 && proposal <= PORT_MAX ? `${start}:${proposal}` : undefined;
}
