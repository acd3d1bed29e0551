import { Metadata } from '@grpc/grpc-js';
import type { Lane } from '../../ports/network.js';

/**
 * What a member says of itself when it opens a stream to another: in the call's metadata, before
 * any frame, so that a stream that leads to the wrong place is refused with a reason and not found
 * out frame by frame. It is a courtesy among friends: it proves nothing about who is calling.
 */
export interface Hello {
  readonly clusterId: bigint;
  readonly from: bigint;
  readonly to: bigint;
  readonly lane: Lane;
}

/** Who a member is among its peers. */
export interface PeerIdentity {
  readonly clusterId: bigint;
  readonly memberId: bigint;
}

/** Goes up when members of two versions could not understand each other's streams. */
const TRANSPORT_VERSION = '1';

const VERSION_KEY = 'tidelock-transport-version';
const CLUSTER_KEY = 'tidelock-cluster-id';
const FROM_KEY = 'tidelock-from';
const TO_KEY = 'tidelock-to';
const LANE_KEY = 'tidelock-lane';

export const LANES: readonly Lane[] = ['urgent', 'log', 'bulk'];

export function writeHello(hello: Hello): Metadata {
  const metadata = new Metadata();
  metadata.set(VERSION_KEY, TRANSPORT_VERSION);
  metadata.set(CLUSTER_KEY, hello.clusterId.toString(16));
  metadata.set(FROM_KEY, hello.from.toString(16));
  metadata.set(TO_KEY, hello.to.toString(16));
  metadata.set(LANE_KEY, hello.lane);
  return metadata;
}

/** The hello of a caller of member `me`, or why it is refused. */
export function readHello(metadata: Metadata, me: PeerIdentity): Hello | string {
  const version = textOf(metadata, VERSION_KEY);
  if (version !== TRANSPORT_VERSION) {
    return `transport version ${version || '(none)'} is not spoken here, ${TRANSPORT_VERSION} is`;
  }
  const clusterId = idOf(metadata, CLUSTER_KEY);
  const from = idOf(metadata, FROM_KEY);
  const to = idOf(metadata, TO_KEY);
  const lane = LANES.find((name) => name === textOf(metadata, LANE_KEY));
  if (clusterId === undefined || from === undefined || to === undefined || lane === undefined) {
    return 'the caller does not say who it is';
  }
  if (clusterId !== me.clusterId) {
    return `cluster ${hex(clusterId)} was meant, this is a member of cluster ${hex(me.clusterId)}`;
  }
  if (to !== me.memberId) {
    return `member ${hex(to)} was meant, this is member ${hex(me.memberId)}`;
  }
  if (from === me.memberId) return `the caller says that it is this member, ${hex(from)}`;
  return { clusterId, from, to, lane };
}

function textOf(metadata: Metadata, key: string): string {
  const [value] = metadata.get(key);
  return typeof value === 'string' ? value : '';
}

function idOf(metadata: Metadata, key: string): bigint | undefined {
  const text = textOf(metadata, key);
  return /^[0-9a-f]{1,16}$/.test(text) ? BigInt(`0x${text}`) : undefined;
}

function hex(id: bigint): string {
  return id.toString(16);
}
