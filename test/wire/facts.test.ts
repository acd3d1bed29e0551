// Proves that the proto files hold the whole interface of etcd 3.7: as many services, rpcs,
// messages, enums, fields and values as its descriptors have, with the numbers that are easiest to
// get wrong.
import assert from 'node:assert/strict';
import type { DescEnum, DescFile, DescMessage } from '@bufbuild/protobuf';
import { file_authpb_auth } from '../../src/wire/gen/authpb/auth_pb.js';
import { file_etcdserverpb_auth } from '../../src/wire/gen/etcdserverpb/auth_pb.js';
import { file_etcdserverpb_cluster } from '../../src/wire/gen/etcdserverpb/cluster_pb.js';
import { file_etcdserverpb_header } from '../../src/wire/gen/etcdserverpb/header_pb.js';
import { file_etcdserverpb_kv } from '../../src/wire/gen/etcdserverpb/kv_pb.js';
import { file_etcdserverpb_lease } from '../../src/wire/gen/etcdserverpb/lease_pb.js';
import { file_etcdserverpb_maintenance } from '../../src/wire/gen/etcdserverpb/maintenance_pb.js';
import { file_etcdserverpb_watch } from '../../src/wire/gen/etcdserverpb/watch_pb.js';
import { file_grpc_health_v1_health } from '../../src/wire/gen/grpc/health/v1/health_pb.js';
import { file_mvccpb_key_value } from '../../src/wire/gen/mvccpb/key_value_pb.js';
import { file_v3electionpb_election } from '../../src/wire/gen/v3electionpb/election_pb.js';
import { file_v3lockpb_lock } from '../../src/wire/gen/v3lockpb/lock_pb.js';

const RPC_FILES = [
  file_etcdserverpb_header,
  file_etcdserverpb_kv,
  file_etcdserverpb_watch,
  file_etcdserverpb_lease,
  file_etcdserverpb_cluster,
  file_etcdserverpb_maintenance,
  file_etcdserverpb_auth,
];

const ALL_FILES = [
  ...RPC_FILES,
  file_mvccpb_key_value,
  file_authpb_auth,
  file_v3lockpb_lock,
  file_v3electionpb_election,
  file_grpc_health_v1_health,
];

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

function enumsOf(file: DescFile): DescEnum[] {
  return [...file.enums, ...file.messages.flatMap((message) => message.nestedEnums)];
}

function countsOf(files: readonly DescFile[]) {
  const messages = files.flatMap((file) => file.messages);
  const enums = files.flatMap(enumsOf);
  const services = files.flatMap((file) => file.services);
  return {
    services: services.length,
    rpcs: sum(services.map((service) => service.methods.length)),
    messages: messages.length,
    enums: enums.length,
    fields: sum(messages.map((message) => message.fields.length)),
    values: sum(enums.map((one) => one.values.length)),
  };
}

function messageNamed(name: string): DescMessage {
  const found = ALL_FILES.flatMap((file) => file.messages).find((one) => one.typeName === name);
  assert.ok(found, `${name} is missing`);
  return found;
}

function fieldNumbers(name: string): Record<string, number> {
  return Object.fromEntries(messageNamed(name).fields.map((field) => [field.name, field.number]));
}

describe('proto files', () => {
  it('count what the descriptors of etcd 3.7 count', () => {
    assert.deepEqual(countsOf(RPC_FILES), {
      services: 6,
      rpcs: 42,
      messages: 98,
      enums: 8,
      fields: 219,
      values: 28,
    });
    const counts = (file: DescFile) => Object.values(countsOf([file])).join(' ');
    assert.equal(counts(file_mvccpb_key_value), '0 0 2 1 9 2');
    assert.equal(counts(file_authpb_auth), '0 0 4 1 10 3');
    assert.equal(counts(file_v3lockpb_lock), '1 2 4 0 6 0');
    assert.equal(counts(file_v3electionpb_election), '1 5 9 0 17 0');
    assert.equal(counts(file_grpc_health_v1_health), '1 3 4 1 3 4');
  });

  it('have the field numbers that stand out', () => {
    assert.deepEqual(fieldNumbers('etcdserverpb.Compare'), {
      result: 1,
      target: 2,
      key: 3,
      version: 4,
      create_revision: 5,
      mod_revision: 6,
      value: 7,
      lease: 8,
      range_end: 64,
    });
    assert.equal(fieldNumbers('etcdserverpb.WatchResponse')['events'], 11);
    assert.deepEqual(fieldNumbers('mvccpb.KeyValue'), {
      key: 1,
      create_revision: 2,
      mod_revision: 3,
      version: 4,
      value: 5,
      lease: 6,
    });
    assert.equal(fieldNumbers('etcdserverpb.LeaseGrantResponse')['TTL'], 3);
    assert.equal(fieldNumbers('etcdserverpb.StatusResponse')['downgradeInfo'], 13);
    assert.equal(fieldNumbers('etcdserverpb.Member')['peerURLs'], 3);
  });

  it('have the enum values that stand out', () => {
    const values = (name: string): string => {
      const found = ALL_FILES.flatMap(enumsOf).find((one) => one.typeName === name);
      assert.ok(found, `${name} is missing`);
      return found.values.map((value) => `${value.name}=${value.number}`).join(' ');
    };
    assert.equal(
      values('etcdserverpb.Compare.CompareResult'),
      'EQUAL=0 GREATER=1 LESS=2 NOT_EQUAL=3',
    );
    assert.equal(values('etcdserverpb.AlarmType'), 'NONE=0 NOSPACE=1 CORRUPT=2');
    assert.equal(values('mvccpb.Event.EventType'), 'PUT=0 DELETE=1');
    assert.equal(
      values('grpc.health.v1.HealthCheckResponse.ServingStatus'),
      'UNKNOWN=0 SERVING=1 NOT_SERVING=2 SERVICE_UNKNOWN=3',
    );
  });
});
