import type { Backend, BackendView, BackendWrite } from '../../ports/backend.js';
import type { Clock } from '../../ports/clock.js';
import type { Disk } from '../../ports/disk.js';
import type { Random } from '../../ports/random.js';
import type { Meter, Trace } from '../../ports/trace.js';
import { LIMITS } from '../../store/index.js';
import { CodecError } from '../codec/bytes.js';
import { decodeSnapshotBody, type SnapshotBody } from '../codec/snapshot-body.js';
import { IndexBuilder } from '../mvcc/index-builder.js';
import type { SnapshotMark } from '../raft/types.js';
import type { ImageHeader } from '../snapshot/image-format.js';
import { imageRows, removeImages } from '../snapshot/snapshot-files.js';
import { SnapshotReceiver } from '../snapshot/snapshot-receiver.js';
import { SnapshotSender } from '../snapshot/snapshot-sender.js';
import { ViewImage } from '../snapshot/view-image.js';
import { type AppliedState, readAppliedRow } from './applied-row.js';
import type { Bootstrapped } from './bootstrap.js';
import { ClientImages } from './client-images.js';
import type { InstalledState, SnapshotHooks, SnapshotPorts } from './snapshot-hooks.js';
import type { ReplicaSettings } from './settings.js';
import { stateHeader } from './state-header.js';

export interface MemberSnapshotsOptions {
  readonly disk: Disk;
  readonly backend: Backend;
  readonly clock: Clock;
  readonly random: Random;
  readonly trace: Trace;
  readonly meter?: Meter | undefined;
  readonly settings: Pick<ReplicaSettings, 'snapshotPieceBytes'>;
}

/**
 * Whole states of one member, as its loop meets them: images of its own state for other members and
 * for clients, and the state of another member in the place of its own. It joins the transfer with
 * the backend, the log and everything that is kept in memory; it decides nothing.
 */
export class MemberSnapshots implements SnapshotHooks {
  readonly #options: MemberSnapshotsOptions;
  readonly #state: Bootstrapped;
  readonly #ports: SnapshotPorts;
  readonly #sender: SnapshotSender;
  readonly #receiver: SnapshotReceiver;
  /** When an image under way was begun, by the member that gets it. */
  readonly #offeredAtMs = new Map<bigint, number>();
  /** Images for clients, of everything that was applied when they ask. */
  readonly images: ClientImages;

  constructor(options: MemberSnapshotsOptions, state: Bootstrapped, ports: SnapshotPorts) {
    const { disk, clock, random, trace } = options;
    const fail = (error: unknown): void => ports.fail(error);
    this.#options = options;
    this.#state = state;
    this.#ports = ports;
    this.#sender = new SnapshotSender({
      random: random.split('snapshot'),
      trace,
      pieceBytes: options.settings.snapshotPieceBytes,
      send: (to, body, lane) => ports.send(to, body, lane),
      reported: (to, ok) => {
        this.#noteSent(to, ok);
        ports.reported(to, ok);
      },
      capture: (take) => this.#capture((header, view) => take(new ViewImage(header, view))),
      fail,
    });
    this.#receiver = new SnapshotReceiver({
      disk,
      trace,
      clusterId: state.origin.identity.clusterId,
      applied: () => ports.applied(),
      send: (to, body) => ports.send(to, body, 'urgent'),
      ended: (from, ok) => {
        const name = ok ? 'snapshotReceiptCount' : 'snapshotReceiptFailureCount';
        options.meter?.observe(name, 1, from);
      },
      arrived: (from, term, mark) => ports.arrived(from, term, mark),
      fail,
    });
    this.images = new ClientImages({ clock, capture: (take) => this.#capture(take), fail });
  }

  /** When the own state cannot be read the member stops. */
  #capture(take: (header: ImageHeader, view: BackendView) => void): void {
    this.#ports.afterFlush(() => {
      const view = this.#options.backend.view();
      let header: ImageHeader;
      try {
        header = stateHeader(view, this.#state.origin.identity);
      } catch (error) {
        view.release();
        this.#ports.fail(error);
        return;
      }
      take(header, view);
    });
  }

  #noteSent(to: bigint, ok: boolean): void {
    const { clock, meter } = this.#options;
    const sinceMs = this.#offeredAtMs.get(to) ?? clock.monotonic();
    this.#offeredAtMs.delete(to);
    if (!ok) meter?.observe('snapshotSendFailureCount', 1, to);
    else meter?.observe('snapshotSendSeconds', (clock.monotonic() - sinceMs) / 1000, to);
  }

  offer(to: bigint, mark: SnapshotMark, term: number): void {
    if (!this.#offeredAtMs.has(to)) this.#offeredAtMs.set(to, this.#options.clock.monotonic());
    this.#sender.offer(to, mark.index, term);
  }

  receive(from: bigint, body: Uint8Array): void {
    let content: SnapshotBody;
    try {
      content = decodeSnapshotBody(body);
    } catch (error) {
      // Damaged on its way: whoever misses it asks again.
      if (error instanceof CodecError) return;
      throw error;
    }
    if (content.kind === 'fetch' || content.kind === 'done') this.#sender.receive(from, content);
    else this.#receiver.receive(from, content);
  }

  tick(nowMs: number): void {
    this.#sender.tick(nowMs);
    this.#receiver.tick(nowMs);
  }

  /**
   * The backend first, then the log: an entry that this member has promised is never in neither.
   * What is in memory follows in the very step that shows the new rows; the index, which takes
   * longest, grew beside the old one meanwhile. `finishInstall` ends what a crash cuts off.
   */
  async install(mark: SnapshotMark): Promise<InstalledState> {
    const { disk, backend } = this.#options;
    const { wal, mvcc } = this.#state;
    // Their views end. Whoever was served is offered another image by whoever leads.
    this.#sender.dropAll();
    this.#offeredAtMs.clear();
    this.images.dropAll();
    this.#options.meter?.observe('snapshotInstallCount', 1);
    let applied: AppliedState | undefined;
    const built = new IndexBuilder();
    await backend.replace(inSteps(imageRows(disk, mark), built), () => {
      applied = this.#reload(mark, built);
    });
    if (applied === undefined) throw new Error('the backend does not say when it shows new rows');
    await wal.reset(mark);
    await removeImages(disk, mark.index);
    this.#receiver.installed(mark.index);
    this.#options.meter?.observe('snapshotInstallCount', -1);
    return { applied, revision: mvcc.revision, rollingHash: mvcc.rollingHash };
  }

  #reload(mark: SnapshotMark, built: IndexBuilder): AppliedState {
    const { buffer, lessor, mvcc, alarms, members } = this.#state;
    buffer.clear();
    const applied = readAppliedRow(buffer);
    if (applied?.index !== mark.index || applied.term !== mark.term) {
      throw new Error(
        `the rows are of entry ${applied?.index}, and ${mark.index} was to be installed`,
      );
    }
    lessor.restore();
    mvcc.reload(built, (key, lease) => lessor.restoreAttachment(key, lease));
    alarms.reload();
    members.reload();
    this.#ports.replaced();
    return applied;
  }

  stop(): void {
    this.images.stop();
    this.#receiver.stop();
    this.#sender.stop();
  }
}

/**
 * The rows of a state, in steps between which the member serves; those of keys go into its index
 * as well.
 */
async function* inSteps(
  rows: AsyncIterable<readonly BackendWrite[]>,
  built: IndexBuilder,
): AsyncIterable<readonly BackendWrite[]> {
  for await (const many of rows) {
    for (let at = 0; at < many.length; at += LIMITS.imageStepRows) {
      const step = many.slice(at, at + LIMITS.imageStepRows);
      for (const { bucket, key, value } of step) {
        if (bucket === 'key' && value !== undefined) built.add(key, value);
      }
      yield step;
    }
  }
}
