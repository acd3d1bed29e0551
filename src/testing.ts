/**
 * The public door `tidelock/testing`: what an application's own tests take. A store in memory in
 * real time; a small world in virtual time, in which answers and events get lost and processes
 * stand still; and the suite that a recipe with one owner has to pass. Whole clusters under faults
 * are behind `tidelock/simulation`.
 */
export { memoryStore } from './memory-store.js';
export {
  type CaseOptions,
  ClientClock,
  type ConformanceCase,
  type ModelCall,
  type ModelClient,
  ModelKv,
  ModelServer,
  type ModelServerOptions,
  ModelStore,
  type ModelStoreOptions,
  ModelWorld,
  type ModelWorldOptions,
  type OwnedThing,
  soleOwnerCases,
  type SoleOwnerRecipe,
} from './simulation/index.js';
