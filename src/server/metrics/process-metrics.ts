import { readdirSync, readFileSync } from 'node:fs';
import type { MetricsPage } from './page.js';

/**
 * The `process_*` numbers that every Prometheus dashboard expects. Where the system has no /proc,
 * what cannot be known reads as 0.
 */
export function addProcessMetrics(page: MetricsPage): void {
  const startedAt = Date.now() / 1000 - process.uptime();
  page.counter('process_cpu_seconds_total', 'Processor time spent, user and system.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  page.gauge('process_resident_memory_bytes', 'Memory in use.', () => process.memoryUsage.rss());
  page.gauge('process_virtual_memory_bytes', 'Memory reserved.', virtualMemoryBytes);
  page.gauge('process_start_time_seconds', 'When the process started.', () => startedAt);
  page.gauge('process_open_fds', 'Open file descriptors.', openDescriptors);
  page.gauge('process_max_fds', 'Most file descriptors allowed.', descriptorLimit);
  page.gauge('os_fd_used', 'Open file descriptors.', openDescriptors);
  page.gauge('os_fd_limit', 'Most file descriptors allowed.', descriptorLimit);
}

function openDescriptors(): number {
  return readOr(0, () => readdirSync('/proc/self/fd').length);
}

function descriptorLimit(): number {
  return readOr(0, () => {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 0);
  });
}

function virtualMemoryBytes(): number {
  return readOr(0, () => {
    const status = readFileSync('/proc/self/status', 'utf8');
    return Number(/^VmSize:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
  });
}

function readOr(fallback: number, read: () => number): number {
  try {
    return read();
  } catch {
    // A page of metrics with a zero in it is worth more than none.
    return fallback;
  }
}
