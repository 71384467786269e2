/** What a gateway is told to route: for each port of a service, the backends that may get new requests. */

export interface Backend {
  readonly alloc: string;
  readonly host: string;
  readonly port: number;
}

export interface RoutedPort {
  readonly name: string;
  /** Port that the gateway listens on. */
  readonly gatewayPort: number;
  /** `auto` tells HTTP/1 from other protocols by the connection's first bytes. */
  readonly protocol: 'auto' | 'http' | 'tcp';
  readonly backends: readonly Backend[];
}

export interface Routes {
  readonly service: string;
  readonly ports: readonly RoutedPort[];
  /** How long the requests and connections of a backend that left may go on before they are cut. */
  readonly drainTimeoutMs: number;
}
