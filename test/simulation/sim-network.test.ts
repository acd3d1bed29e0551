// Proves what the simulated wires do to messages: latency, loss, duplicates, order, cuts of one
// direction, clogs, and that what is a stream keeps its order and comes once.
import assert from 'node:assert/strict';
import { SimMachine } from '../../src/simulation/sim-machine.js';
import { CALM_WEATHER, type LinkWeather, SimNetwork } from '../../src/simulation/sim-network.js';
import { Simulation } from '../../src/simulation/simulation.js';

const COUNT = 400;

class Wire {
  readonly sim = new Simulation({ seed: 7 });
  readonly network = new SimNetwork(this.sim);
  readonly a = new SimMachine(this.sim, 'a');
  readonly b = new SimMachine(this.sim, 'b');
  readonly seen: number[] = [];
  readonly delays: number[] = [];

  async sendMany(weather: Partial<LinkWeather>, isOrdered = false): Promise<void> {
    this.network.setWeather({ ...CALM_WEATHER, ...weather });
    for (let at = 0; at < COUNT; at++) {
      const sentMs = this.sim.nowMs;
      const deliver = (): void => {
        this.seen.push(at);
        this.delays.push(this.sim.nowMs - sentMs);
      };
      this.network.send(this.a, this.b, deliver, { isOrdered });
      await this.sim.advance(0.1);
    }
    await this.sim.advance(100_000);
  }

  get inOrder(): boolean {
    return this.seen.every((at, place) => place === 0 || at >= (this.seen[place - 1] ?? 0));
  }
}

describe('SimNetwork', () => {
  it('delivers everything once, in order and in time, in calm weather', async () => {
    const wire = new Wire();
    await wire.sendMany({});
    assert.deepEqual(
      wire.seen,
      Array.from({ length: COUNT }, (_, at) => at),
    );
    assert.ok(Math.min(...wire.delays) >= CALM_WEATHER.latencyMinMs);
    assert.ok(Math.max(...wire.delays) < CALM_WEATHER.latencyMaxMs + 0.001);
  });

  it('loses about as many as it was told', async () => {
    const wire = new Wire();
    await wire.sendMany({ dropPerMille: 300 });
    assert.ok(Math.abs(wire.seen.length - COUNT * 0.7) < 50, String(wire.seen.length));
    assert.equal(wire.network.lostCount, COUNT - wire.seen.length);
  });

  it('doubles, delays and reorders what is no stream', async () => {
    const wire = new Wire();
    const bad = { duplicatePerMille: 200, latePerMille: 100, lateMaxMs: 5000, reorders: true };
    await wire.sendMany(bad);
    assert.ok(wire.seen.length > COUNT + 40, String(wire.seen.length));
    assert.equal(new Set(wire.seen).size, COUNT);
    assert.equal(wire.inOrder, false);
    assert.ok(Math.max(...wire.delays) > 1000);
  });

  it('neither doubles nor reorders a stream', async () => {
    const wire = new Wire();
    const bad = { duplicatePerMille: 200, latePerMille: 100, lateMaxMs: 5000, reorders: true };
    await wire.sendMany({ ...bad, latencyMaxMs: 50 }, true);
    assert.equal(wire.seen.length, COUNT);
    assert.equal(wire.inOrder, true);
  });

  it('cuts one direction and leaves the other', async () => {
    const { sim, network, a, b } = new Wire();
    const seen: string[] = [];
    network.setCut(a, b, true);
    network.send(a, b, () => seen.push('there'));
    network.send(b, a, () => seen.push('back'));
    await sim.advance(100);
    assert.deepEqual(seen, ['back']);
    network.heal();
    network.send(a, b, () => seen.push('there'));
    await sim.advance(100);
    assert.deepEqual(seen, ['back', 'there']);
  });

  it('lets streams share a narrow wire, and each wait behind its own', async () => {
    const { sim, network, a, b } = new Wire();
    network.setWeather({ ...CALM_WEATHER, latencyMaxMs: 0.2, bytesPerSecond: 1000 });
    const seen: string[] = [];
    const send = (stream: string, byteCount: number): void =>
      network.send(a, b, () => seen.push(`${stream} ${sim.nowMs.toFixed(0)}`), {
        stream,
        byteCount,
      });
    send('big', 1000);
    send('big', 1000);
    await sim.advance(100);
    send('small', 10);
    await sim.advance(400);
    assert.deepEqual(seen, ['small 120'], 'half of the wire, and not behind the other');
    await sim.advance(2000);
    assert.deepEqual(seen.slice(1), ['big 1000', 'big 2000']);
    network.send(a, b, () => seen.push('nothing said'));
    await sim.advance(1);
    assert.equal(seen.at(-1), 'nothing said');
  });

  it('holds what is sent over a clogged link', async () => {
    const { sim, network, a, b } = new Wire();
    const seen: number[] = [];
    network.clog(a, b, 500);
    network.send(a, b, () => seen.push(sim.nowMs));
    await sim.advance(499);
    assert.deepEqual(seen, []);
    await sim.advance(10);
    assert.equal(seen.length, 1);
  });

  it('lets a machine find out that a process has ended, soon and mostly', async () => {
    const wire = new Wire();
    const { sim, network, a, b } = wire;
    const found: number[] = [];
    for (let at = 0; at < COUNT; at++) {
      const endMs = sim.nowMs;
      network.processEnded(a, b, () => found.push(sim.nowMs - endMs));
      await sim.advance(10);
    }
    assert.ok(Math.abs(found.length - COUNT * 0.75) < 50, String(found.length));
    assert.ok(Math.min(...found) >= CALM_WEATHER.latencyMinMs);
    assert.ok(Math.max(...found) < 3 * CALM_WEATHER.latencyMaxMs);
  });

  it('lets nobody find that out where nothing comes through', async () => {
    const { sim, network, a, b } = new Wire();
    let found = 0;
    const endMany = async (): Promise<number> => {
      found = 0;
      for (let at = 0; at < COUNT / 10; at++) network.processEnded(a, b, () => void found++);
      await sim.advance(100);
      return found;
    };
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      network.setCut(from, to, true);
      assert.equal(await endMany(), 0, 'a cut');
      network.setCut(from, to, false);
      network.clog(from, to, 1000);
      assert.equal(await endMany(), 0, 'it stands');
      await sim.advance(1000);
      assert.ok(found > 0, 'it moves again');
    }
    a.pause();
    assert.equal(await endMany(), 0, 'the machine of the process stands still');
    a.resume();
    b.pause();
    assert.equal(await endMany(), 0, 'the other one does');
    b.resume();
    await sim.advance(1);
    assert.ok(found > 0, 'it wakes up');
  });
});
