import prometheus from 'prom-client';

/** Numbers read when the page is asked for, one a label set. */
export type Reading = readonly (readonly [
  labels: Readonly<Record<string, string>>,
  value: number,
])[];

/**
 * The page of metrics: a registry whose numbers are mostly read at the time of asking, from
 * counters that others keep. Owns the registry; two servers in one process have two.
 */
export class MetricsPage {
  readonly #registry = new prometheus.Registry();

  readonly contentType = this.#registry.contentType;

  /** A number that only grows, kept elsewhere. */
  counter(name: string, help: string, read: () => number): void {
    this.counters(name, help, [], () => [[{}, read()]]);
  }

  counters(name: string, help: string, labelNames: readonly string[], read: () => Reading): void {
    new prometheus.Counter({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [labels, value] of read()) this.inc(labels, value);
      },
    });
  }

  /** A number that goes up and down. */
  gauge(name: string, help: string, read: () => number): void {
    this.gauges(name, help, [], () => [[{}, read()]]);
  }

  gauges(
    name: string,
    help: string,
    labelNames: readonly string[],
    read: () => Reading | Promise<Reading>,
  ): void {
    new prometheus.Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
      async collect() {
        const reading = await read();
        this.reset();
        for (const [labels, value] of reading) this.set(labels, value);
      },
    });
  }

  /** Buckets from `start` on, each `factor` times the one before. */
  histogram(
    name: string,
    help: string,
    buckets: { readonly start: number; readonly factor: number; readonly count: number },
    labelNames: readonly string[] = [],
  ): prometheus.Histogram {
    return new prometheus.Histogram({
      name,
      help,
      labelNames: [...labelNames],
      buckets: prometheus.exponentialBuckets(buckets.start, buckets.factor, buckets.count),
      registers: [this.#registry],
    });
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
