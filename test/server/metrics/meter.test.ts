// Proves that what the kernel measures stands on the page under etcd's names, with the other member
// as a label where it is about one, in etcd's buckets.
import assert from 'node:assert/strict';
import { createMeter } from '../../../src/server/metrics/meter.js';
import { MetricsPage } from '../../../src/server/metrics/page.js';

describe('the meter', () => {
  it('shows what was measured', async () => {
    const page = new MetricsPage();
    const meter = createMeter(page);
    const zero = await page.text();
    for (const name of ['heartbeat_send_failures', 'slow_read_indexes', 'read_indexes_failed']) {
      assert.match(zero, new RegExp(`^etcd_server_${name}_total 0$`, 'm'));
    }
    meter.observe('applySeconds', 0.05);
    meter.observe('applySeconds', 0.2);
    meter.observe('hashSeconds', 0.015);
    meter.observe('defragmentSeconds', 0.15);
    meter.observe('lateHeartbeatCount', 1);
    meter.observe('slowReadCount', 1);
    meter.observe('slowReadCount', 1);
    meter.observe('failedReadCount', 1);
    meter.observe('leaseExpiryCount', 40);
    meter.observe('snapshotSendSeconds', 0.3, 0xabn);
    meter.observe('snapshotSendSeconds', 0.1, 0xabn);
    meter.observe('snapshotSendFailureCount', 1, 0xcdn);
    meter.observe('snapshotReceiptCount', 1, 0xabn);
    meter.observe('snapshotReceiptFailureCount', 1, 0xefn);
    meter.observe('snapshotInstallCount', 1);
    const lines = (await page.text()).split('\n');
    for (const line of [
      'etcd_server_slow_apply_total 1',
      'etcd_mvcc_hash_rev_duration_seconds_bucket{le="0.01"} 0',
      'etcd_mvcc_hash_rev_duration_seconds_bucket{le="0.02"} 1',
      'etcd_disk_backend_defrag_duration_seconds_bucket{le="0.2"} 1',
      'etcd_server_heartbeat_send_failures_total 1',
      'etcd_server_slow_read_indexes_total 2',
      'etcd_server_read_indexes_failed_total 1',
      'etcd_debugging_server_lease_expired_total 40',
      'etcd_network_snapshot_send_success{To="ab"} 2',
      'etcd_network_snapshot_send_total_duration_seconds_count{To="ab"} 2',
      'etcd_network_snapshot_send_failures{To="cd"} 1',
      'etcd_network_snapshot_receive_success{From="ab"} 1',
      'etcd_network_snapshot_receive_failures{From="ef"} 1',
      'etcd_server_snapshot_apply_in_progress_total 1',
    ]) {
      assert.ok(lines.includes(line), line);
    }
    meter.observe('snapshotInstallCount', -1);
    assert.match(await page.text(), /^etcd_server_snapshot_apply_in_progress_total 0$/m);
  });
});
