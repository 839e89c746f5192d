import { Gauge, Registry, collectDefaultMetrics } from 'prom-client'

/** Reads a number when Prometheus asks; labels are few and of low cardinality. */
export interface Measurement {
  readonly name: string
  readonly help: string
  read(): number | Promise<number>
}

/** The metrics of this process in Prometheus' text format. */
export class Metrics {
  readonly #registry = new Registry()

  constructor() {
    collectDefaultMetrics({ register: this.#registry })
  }

  measure(measurement: Measurement): void {
    const gauge = new Gauge({
      name: `affidavit_${measurement.name}`,
      help: measurement.help,
      registers: [],
      async collect() {
        this.set(await measurement.read())
      },
    })
    this.#registry.registerMetric(gauge)
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  text(): Promise<string> {
    return this.#registry.metrics()
  }
}
