import { ByteReader, ByteWriter } from '../codec/bytes.js';
import type { AlarmType } from '../codec/command.js';
import { sealRow, unsealRow } from '../codec/sealed-row.js';
import type { WriteBuffer } from '../mvcc/write-buffer.js';

/** A member in trouble, and which. */
export interface Alarm {
  readonly memberId: bigint;
  readonly alarm: AlarmType;
}

const ALARM_NUMBER: Readonly<Record<AlarmType, number>> = { nospace: 1, corrupt: 2 };

/** All is in the key; a row without a body of its own could not be told from a damaged one. */
const RAISED = Uint8Array.of(1);

/**
 * The raised alarms of the cluster: part of the replicated state, changed only by applied commands.
 * An alarm survives restarts and stays until somebody clears it.
 */
export class Alarms {
  readonly #buffer: WriteBuffer;
  readonly #raised = new Map<string, Alarm>();

  /** @throws CodecError when a stored alarm is damaged */
  constructor(buffer: WriteBuffer) {
    this.#buffer = buffer;
    this.reload();
  }

  /** Reads everything again from the rows. @throws CodecError when one is damaged */
  reload(): void {
    this.#raised.clear();
    for (const { key, value } of this.#buffer.range('alarm', new Uint8Array(0), undefined, 0)) {
      unsealRow('an alarm', key, value);
      const reader = new ByteReader(key);
      const memberId = reader.u64();
      const number = reader.u8();
      const alarm = number === ALARM_NUMBER.nospace ? 'nospace' : 'corrupt';
      this.#raised.set(nameOf({ memberId, alarm }), { memberId, alarm });
    }
  }

  list(): readonly Alarm[] {
    return [...this.#raised.values()];
  }

  isRaised(type: AlarmType): boolean {
    for (const { alarm } of this.#raised.values()) if (alarm === type) return true;
    return false;
  }

  /** Whether it was not raised before. */
  activate(alarm: Alarm): boolean {
    if (this.#raised.has(nameOf(alarm))) return false;
    this.#raised.set(nameOf(alarm), alarm);
    const key = rowKey(alarm);
    this.#buffer.put('alarm', key, sealRow(key, RAISED));
    return true;
  }

  /** Whether it was raised before. */
  deactivate(alarm: Alarm): boolean {
    if (!this.#raised.delete(nameOf(alarm))) return false;
    this.#buffer.remove('alarm', rowKey(alarm));
    return true;
  }
}

/** Whose alarm a row is. */
export function memberOfAlarm(key: Uint8Array): bigint {
  return new ByteReader(key).u64();
}

function nameOf(alarm: Alarm): string {
  return `${alarm.memberId}/${alarm.alarm}`;
}

function rowKey(alarm: Alarm): Uint8Array {
  return new ByteWriter(16).u64(alarm.memberId).u8(ALARM_NUMBER[alarm.alarm]).finish();
}
