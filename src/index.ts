/**
 * The public door `tidelock`: the few names that a newcomer needs. Open a store in this process or
 * connect to a server, and coordinate over it. The other doors are `tidelock/store`, `/recipes`,
 * `/inversify`, `/client`, `/server`, `/kernel`, `/simulation` and `/testing`.
 */
export { connect, type ConnectOptions } from './client/index.js';
export { aesGcmCipher } from './host/aes-gcm-cipher.js';
export { nodeSink } from './host/node-sink.js';
export { savedFile } from './host/saved-file.js';
export { coordinate } from './recipes/index.js';
export { type EmbeddedOptions, openEmbedded } from './server/index.js';
export {
  allKeys,
  fromKey,
  isStoreError,
  prefix,
  StoreError,
  toBytes,
  toText,
} from './store/index.js';
export type {
  Health,
  KeyValue,
  RevisionBatch,
  Role,
  Store,
  StoreErrorCode,
  StoreEvent,
} from './store/index.js';
