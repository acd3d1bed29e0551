import { SimDice } from './sim-dice.js';
import type { SimMachine } from './sim-machine.js';
import type { Simulation } from './simulation.js';

/** How messages fare from one machine to another. */
export interface LinkWeather {
  readonly latencyMinMs: number;
  readonly latencyMaxMs: number;
  /** Of a thousand messages, how many are lost, */
  readonly dropPerMille: number;
  /** arrive twice, */
  readonly duplicatePerMille: number;
  /** and arrive very late, up to `lateMaxMs`. */
  readonly latePerMille: number;
  readonly lateMaxMs: number;
  /** Whether messages may overtake each other. */
  readonly reorders: boolean;
  /** Bytes that go through in a second; 0 for as many as there are. */
  readonly bytesPerSecond: number;
}

/**
 * A network at its best: short ways, nothing lost, nothing late.
 *
 * @example
 * world.network.setWeather({ ...CALM_WEATHER, dropPerMille: 20 });
 */
export const CALM_WEATHER: LinkWeather = {
  latencyMinMs: 0.2,
  latencyMaxMs: 1.5,
  dropPerMille: 0,
  duplicatePerMille: 0,
  latePerMille: 0,
  lateMaxMs: 0,
  reorders: false,
  bytesPerSecond: 0,
};

/** What travels one behind the other where bytes take time. */
interface Stream {
  /** When all that was sent so far is through, */
  busyUntilMs: number;
  /** and when the last of it arrives. */
  lastMs: number;
}

interface Link {
  weather: LinkWeather;
  isCut: boolean;
  /** Messages wait until then: the link is there and nothing moves. */
  cloggedUntilMs: number;
  /** When the last message that keeps the order arrives. */
  lastMs: number;
  /** The streams of a narrow wire, each on its own. */
  readonly streams: Map<string, Stream>;
}

/** Of a thousand times that a process ends, how often a machine does not find out. */
const END_MISSED_PER_MILLE = 250;
/** Ways from machine to machine until it does: a connection is closed, and a new one refused. */
const END_WAYS = 3;

/** What a sender may ask for. */
export interface SendOptions {
  /** Sent as one of a stream or a call: never twice, and never before an earlier one. */
  readonly isOrdered?: boolean;
  /** Goes into the run's number. */
  readonly mark?: number;
  /** How much it is, for a wire that is narrow; nothing when it is not said. */
  readonly byteCount?: number;
  /** What it must wait behind there. Streams that are busy share the wire. */
  readonly stream?: string;
}

/**
 * The wires between machines, each direction of each pair on its own: latency, loss, duplicates,
 * order, cuts and clogs. A message is a piece of work for the receiving machine; a lost one is
 * never heard of again. Members' frames and clients' calls travel alike.
 *
 * @example
 * const [one, other] = world.cluster.members;
 * if (one && other) world.network.setCut(one.machine, other.machine, true);
 * await sim.advance(1000);
 * world.network.heal();
 */
export class SimNetwork {
  readonly #sim: Simulation;
  readonly #dice: SimDice;
  readonly #endDice: SimDice;
  readonly #links = new Map<string, Link>();
  #weather = CALM_WEATHER;
  #lostCount = 0;

  constructor(sim: Simulation) {
    this.#sim = sim;
    this.#dice = new SimDice(sim.random.split('network'));
    this.#endDice = new SimDice(sim.random.split('ends of processes'));
  }

  /** Messages that did not arrive so far. */
  get lostCount(): number {
    return this.#lostCount;
  }

  /** The weather of links that have none of their own. */
  setWeather(weather: LinkWeather): void {
    this.#weather = weather;
    for (const link of this.#links.values()) link.weather = weather;
  }

  /** The weather of one direction. */
  setLinkWeather(from: SimMachine, to: SimMachine, weather: LinkWeather): void {
    this.#link(from, to).weather = weather;
  }

  /** Cuts one direction, or mends it. What is under way arrives. */
  setCut(from: SimMachine, to: SimMachine, isCut: boolean): void {
    this.#link(from, to).isCut = isCut;
  }

  /** Nothing moves in this direction for `ms`; then everything does. */
  clog(from: SimMachine, to: SimMachine, ms: number): void {
    this.#link(from, to).cloggedUntilMs = this.#sim.nowMs + ms;
  }

  isCut(from: SimMachine, to: SimMachine): boolean {
    return this.#link(from, to).isCut;
  }

  /** Mends everything and gives every link the calm weather. */
  heal(): void {
    this.#weather = CALM_WEATHER;
    for (const link of this.#links.values()) {
      link.weather = CALM_WEATHER;
      link.isCut = false;
      link.cloggedUntilMs = 0;
    }
  }

  /**
   * A process on `from` has ended, and its machine goes on: `learn` runs on `to`, which finds its
   * connections closed and is refused new ones. Not where the way is cut or `from` stands still,
   * and now and then not at all.
   */
  processEnded(from: SimMachine, to: SimMachine, learn: () => void): void {
    const dice = this.#endDice;
    const links = [this.#link(from, to), this.#link(to, from)];
    if (dice.chance(END_MISSED_PER_MILLE)) return;
    let dueMs = Math.max(this.#sim.nowMs, ...links.map(({ cloggedUntilMs }) => cloggedUntilMs));
    for (let way = 0; way < END_WAYS; way++) {
      const { latencyMinMs, latencyMaxMs } = (links[way % 2] as Link).weather;
      dueMs += dice.between(latencyMinMs, latencyMaxMs);
    }
    const isShown = (): boolean => !from.isPaused && !links.some(({ isCut }) => isCut);
    if (!isShown()) return;
    this.#sim.at(dueMs, () => {
      if (!isShown()) return;
      this.#sim.trace.note('end found');
      to.arrive(learn);
    });
  }

  /** `deliver` runs on the machine `to` when the message arrives, if it does. */
  send(from: SimMachine, to: SimMachine, deliver: () => void, options: SendOptions = {}): void {
    const link = this.#link(from, to);
    const { weather } = link;
    const isOrdered = options.isOrdered === true;
    const trace = this.#sim.trace;
    if (link.isCut || this.#dice.chance(weather.dropPerMille)) {
      this.#lostCount++;
      trace.note('lost', options.mark);
      return;
    }
    this.#carry(link, to, deliver, isOrdered, options);
    if (!isOrdered && this.#dice.chance(weather.duplicatePerMille)) {
      this.#carry(link, to, deliver, false, options);
    }
  }

  #carry(
    link: Link,
    to: SimMachine,
    work: () => void,
    isOrdered: boolean,
    options: SendOptions,
  ): void {
    const { weather, cloggedUntilMs } = link;
    const nowMs = this.#sim.nowMs;
    const latencyMs = this.#dice.between(weather.latencyMinMs, weather.latencyMaxMs);
    const stream = this.#pass(link, options);
    let dueMs = (stream?.busyUntilMs ?? nowMs) + latencyMs;
    if (cloggedUntilMs > nowMs) dueMs += cloggedUntilMs - nowMs;
    const isLate = !isOrdered && this.#dice.chance(weather.latePerMille);
    if (isLate) dueMs += this.#dice.between(0, weather.lateMaxMs);
    if (isOrdered || (!weather.reorders && !isLate)) {
      const line = stream ?? link;
      dueMs = Math.max(dueMs, line.lastMs);
      line.lastMs = dueMs;
    }
    this.#sim.at(dueMs, () => {
      this.#sim.trace.note('arrives', options.mark ?? 0);
      to.arrive(work);
    });
  }

  /** Sends the bytes through a narrow wire, behind what its stream has sent before. */
  #pass({ weather, streams }: Link, options: SendOptions): Stream | undefined {
    const { byteCount = 0, stream: name = '' } = options;
    const { nowMs } = this.#sim;
    if (weather.bytesPerSecond === 0 || byteCount === 0) return undefined;
    const stream = streams.get(name) ?? { busyUntilMs: 0, lastMs: 0 };
    streams.set(name, stream);
    stream.busyUntilMs = Math.max(stream.busyUntilMs, nowMs);
    let busyCount = 0;
    for (const { busyUntilMs } of streams.values()) if (busyUntilMs >= nowMs) busyCount++;
    stream.busyUntilMs += (byteCount * 1000 * busyCount) / weather.bytesPerSecond;
    return stream;
  }

  #link(from: SimMachine, to: SimMachine): Link {
    const key = `${from.name}>${to.name}`;
    let link = this.#links.get(key);
    if (link === undefined) {
      const streams = new Map<string, Stream>();
      link = { weather: this.#weather, isCut: false, cloggedUntilMs: 0, lastMs: 0, streams };
      this.#links.set(key, link);
    }
    return link;
  }
}
