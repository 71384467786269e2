/** What mill takes of the metrics library, loaded with the first scrape; a module of its own for the reason in `yaml.ts`. */
export { Counter, Gauge, Registry } from 'prom-client';
