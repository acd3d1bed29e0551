/**
 * The public door `tidelock/simulation`: whole clusters with their clients in one deterministic
 * world, scenarios of faults, and the ports in memory that they are made of; and a model of the
 * store, exact and breakable, with the suite that recipes with one owner have to pass.
 */
export type { History, Violation } from './check/history.js';
export { SimStore, type SimStoreOptions } from './clients/sim-store.js';
export { HistoryRecorder } from './clients/history-recorder.js';
export type { OwnedThing, SoleOwnerRecipe } from './conformance/sole-owner.js';
export { type ConformanceCase, soleOwnerCases } from './conformance/sole-owner-cases.js';
export type { CaseOptions } from './conformance/sole-owner-trial.js';
export { SimCluster, type SimClusterOptions } from './cluster/sim-cluster.js';
export type { EndKind, MemberState } from './cluster/member-life.js';
export { SimMember } from './cluster/sim-member.js';
export { Findings } from './findings.js';
export { ClientClock } from './model/client-clock.js';
export { ModelKv } from './model/model-kv.js';
export { ModelServer, type ModelServerOptions } from './model/model-server.js';
export { type ModelCall, ModelStore, type ModelStoreOptions } from './model/model-store.js';
export { type ModelClient, ModelWorld, type ModelWorldOptions } from './model/model-world.js';
export { findScenario, SCENARIO_NAMES } from './scenario/catalogue.js';
export { runSeed, type SeedOptions, type SeedReport } from './scenario/run-seed.js';
export type { Scenario } from './scenario/scenario.js';
export type { SimClient } from './scenario/sim-client.js';
export { World, type WorldOptions } from './scenario/world.js';
export { SimBackend } from './sim-backend.js';
export { SimClock, type SimClockOptions } from './sim-clock.js';
export { SimDisk, type SimDiskFault } from './sim-disk.js';
export { SimMachine, type WakeOrder } from './sim-machine.js';
export { CALM_WEATHER, type LinkWeather, SimNetwork } from './sim-network.js';
export { SimProcess } from './sim-process.js';
export { SimRandom } from './sim-random.js';
export { Simulation, type SimulationOptions } from './simulation.js';
