/**
 * What a test does to the processes of a cluster and to the links between them, one after the other
 * as chance has it. At the end of each everything runs and every link is clear again. What a member
 * itself is asked to do (to end, to start) must succeed.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../../src/ports/random.js';
import type { ClusterMember, ClusterProcesses } from '../../support/cluster-processes.js';
import type { RunRecorder } from '../../support/recording-client.js';
import { CLEAR, REFUSED, SILENT, type WireRule } from '../../support/tcp-proxy.js';

/** Longer than any election: the timeouts are 0.5 to 1 s. */
const PAUSE_MIN_MS = 1100;
const PAUSE_SPREAD_MS = 900;
const SLOW: WireRule = { ...CLEAR, delayMs: 60 };
const THIN: WireRule = { ...CLEAR, bytesPerSecond: 40_000 };

type Disturbance = () => Promise<void>;

export class Disturbances {
  readonly counts = new Map<string, number>();
  /** Members that were killed. */
  kills = 0;
  readonly #cluster: ClusterProcesses;
  readonly #recorder: RunRecorder;
  readonly #random: Random;

  constructor(cluster: ClusterProcesses, recorder: RunRecorder, random: Random) {
    this.#cluster = cluster;
    this.#recorder = recorder;
    this.#random = random;
  }

  /** A kill, and mostly something else at the same time. */
  async round(): Promise<void> {
    const victim = await this.#pick();
    const others = this.#cluster.members.filter((member) => member !== victim);
    const other = others[this.#random.below(others.length)] as ClusterMember;
    const [name, besides] = this.#besides(victim, other);
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    const done = besides();
    await sleep(this.#random.below(600));
    await this.#killAndStart([victim]);
    await done;
    this.#cluster.heal();
  }

  /** Half of the time the leader, if there is one. */
  async #pick(): Promise<ClusterMember> {
    const { members } = this.#cluster;
    const some = members[this.#random.below(members.length)] as ClusterMember;
    if (this.#random.below(2) === 0) return some;
    const reports = await Promise.all(members.map((member) => member.report()));
    return members.find((_, at) => reports[at]?.role === 'leader') ?? some;
  }

  #besides(victim: ClusterMember, other: ClusterMember): readonly [string, Disturbance] {
    const victimAt = this.#cluster.members.indexOf(victim);
    const otherAt = this.#cluster.members.indexOf(other);
    const rest = [0, 1, 2].filter((at) => at !== otherAt);
    const all: readonly (readonly [string, Disturbance])[] = [
      ['kill', async () => {}],
      ['kill + pause', () => this.#pause(other)],
      ['kill + pause of the same', () => this.#pauseBefore(victim)],
      ['kill two', () => this.#killAndStart([other])],
      ['kill all', () => this.#killAndStart(this.#cluster.members.filter((m) => m !== victim))],
      ['kill + terminate', () => this.#terminate(other)],
      ['kill + partition', () => this.#cut([[otherAt], rest], this.#random.below(2) === 0)],
      ['kill + one-way', () => this.#oneWay(otherAt, rest)],
      ['kill + bridge', () => this.#cut([[otherAt], [victimAt]], true)],
      ['kill + slow', () => this.#everyLink(this.#random.below(2) === 0 ? SLOW : THIN)],
      ['kill + clients cut', () => this.#clientsCut(other)],
      ['kill + flapping', () => this.#flapping(otherAt, rest)],
    ];
    return all[this.#random.below(all.length)] as readonly [string, Disturbance];
  }

  /** Kills them at once, and starts them one after the other, soon or later. */
  async #killAndStart(members: readonly ClusterMember[]): Promise<void> {
    const running = members.filter(({ process }) => process.running);
    this.kills += running.length;
    await Promise.all(running.map((member) => member.kill()));
    for (const member of running) {
      await sleep(this.#random.below(4) === 0 ? this.#random.below(2500) : 0);
      await this.#start(member);
    }
  }

  async #start(member: ClusterMember): Promise<void> {
    this.#recorder.restarts(member.id);
    await member.start();
  }

  async #pause(member: ClusterMember): Promise<void> {
    member.pause();
    await sleep(PAUSE_MIN_MS + this.#random.below(PAUSE_SPREAD_MS));
    // Unless it was killed in the meantime.
    if (member.process.running) member.resume();
  }

  /** Stopped, and killed when it goes on: so it has just begun to find out what it missed. */
  async #pauseBefore(victim: ClusterMember): Promise<void> {
    if (victim.process.running) await this.#pause(victim);
  }

  async #terminate(member: ClusterMember): Promise<void> {
    const code = await member.terminate();
    assert.equal(code, 0, `${member.name} ended with ${code}: ${member.process.log.slice(-1000)}`);
    await this.#start(member);
  }

  async #cut(groups: readonly (readonly number[])[], silent: boolean): Promise<void> {
    this.#cluster.partition(groups, silent ? SILENT : REFUSED);
    await this.#hold();
  }

  async #oneWay(one: number, rest: readonly number[]): Promise<void> {
    const deaf = this.#random.below(2) === 0;
    for (const other of rest) {
      // What one says arrives and what it should hear does not, or the other way round.
      this.#cluster.link(one, other, { ...CLEAR, holdToSource: deaf, holdToTarget: !deaf });
      this.#cluster.link(other, one, { ...CLEAR, holdToSource: !deaf, holdToTarget: deaf });
    }
    await this.#hold();
  }

  async #everyLink(rule: WireRule): Promise<void> {
    for (const { peerProxy } of this.#cluster.members) peerProxy.setRule(undefined, rule);
    await this.#hold();
  }

  async #clientsCut(member: ClusterMember): Promise<void> {
    const { clientProxy } = member;
    clientProxy.setRule(undefined, this.#random.below(2) === 0 ? SILENT : REFUSED);
    await this.#hold();
    clientProxy.clear();
  }

  async #flapping(one: number, rest: readonly number[]): Promise<void> {
    for (let times = 0; times < 4; times++) {
      this.#cluster.partition([[one], rest], times % 2 === 0 ? REFUSED : SILENT);
      await sleep(this.#random.below(500));
      for (const other of rest) {
        this.#cluster.link(one, other, CLEAR);
        this.#cluster.link(other, one, CLEAR);
      }
      await sleep(this.#random.below(300));
    }
  }

  async #hold(): Promise<void> {
    await sleep(PAUSE_MIN_MS + this.#random.below(PAUSE_SPREAD_MS));
  }
}
