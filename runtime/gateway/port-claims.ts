/** Which service port has which gateway port: the first that asked, until it lets go. */
import type { ServicePort } from './service-port.ts';

export class PortClaims {
  /** In the order in which they were made; the first one holds the port. */
  readonly #claims = new Map<number, ServicePort[]>();

  /** Again for a port that it already claims: no effect. */
  claim(port: ServicePort): void {
    const claims = this.#claims.get(port.gatewayPort) ?? [];
    if (!claims.includes(port)) claims.push(port);
    this.#claims.set(port.gatewayPort, claims);
  }

  release(port: ServicePort): void {
    const others = (this.#claims.get(port.gatewayPort) ?? []).filter((claimant) => claimant !== port);
    if (others.length > 0) this.#claims.set(port.gatewayPort, others);
    else this.#claims.delete(port.gatewayPort);
  }

  holder(gatewayPort: number): ServicePort | undefined {
    return this.#claims.get(gatewayPort)?.[0];
  }

  conflicts(): readonly { claimant: ServicePort; holder: ServicePort }[] {
    return [...this.#claims.values()].flatMap(([holder, ...claimants]) =>
      holder === undefined ? [] : claimants.map((claimant) => ({ claimant, holder })),
    );
  }
}
