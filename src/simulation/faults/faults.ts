import * as clients from './client-faults.js';
import * as deposed from './deposed-faults.js';
import * as disk from './disk-faults.js';
import type { Fault } from './fault.js';
import * as forced from './forced-faults.js';
import * as members from './member-faults.js';
import * as network from './network-faults.js';
import * as process from './process-faults.js';
import * as restores from './restore-faults.js';
import * as strangers from './stranger-faults.js';
import * as time from './time-faults.js';
import * as transfers from './transfer-faults.js';

/** Every fault by the name of its row in the catalogue of faults. */
export const FAULTS = {
  P1: process.killOne,
  P2: process.killAll,
  P3: process.pauseOne,
  P3b: process.wakeDeposed,
  P4: process.slowOne,
  P5: process.restartLoop,
  P7: process.crashInStep,
  P9: process.stopOne,
  P10: process.misleadAboutEnd,
  D1: process.cutPower,
  D2: disk.failSync,
  D3: disk.failWrite,
  D3b: disk.failCommit,
  D4: disk.fillDisk,
  D6: disk.rotLog,
  D8: disk.rotBackend,
  D9: transfers.damagePieces,
  D9b: transfers.rotImage,
  D10: disk.failRead,
  D11: disk.misdirectWrite,
  D12: disk.wipe,
  D13: disk.restoreOldCopy,
  D14: disk.slowDisk,
  D16: disk.defragment,
  D17: transfers.breakTransfer,
  N1: network.loseMessages,
  N2: network.delayMessages,
  N2b: deposed.loseVoice,
  N3: network.scrambleMessages,
  N4: network.partition,
  N4b: network.leaderInMinority,
  N5: network.oneWay,
  N6: network.partial,
  N7: network.isolateLeader,
  N7b: deposed.renewElsewhere,
  N8: network.flap,
  N9: network.halfOpen,
  N10: transfers.narrowWire,
  T1: time.jumpWall,
  T2: time.skewClock,
  T3: time.jumpClock,
  T4: time.stallLoop,
  T5: time.clientTime,
  M1: members.changeMembers,
  M2: members.promoteEarly,
  M3: members.removeLeader,
  M4: members.restartRemoved,
  M4b: members.removeUnheard,
  M5: strangers.wrongCluster,
  M7: strangers.runTwice,
  M8: forced.oldMembersReturn,
  M9: members.changeAtOnce,
  M10: members.addWhileOneIsDown,
  L4: members.handOver,
  C1: clients.slowWatchers,
  C2: network.disconnectClients,
  C4: clients.massExpiry,
  C9: network.badClientWeather,
  C13: clients.hopAround,
  C14: network.holdUpRequests,
  O4: restores.restoreElsewhere,
  O5: forced.forceAlone,
  O7: clients.disarm,
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;
