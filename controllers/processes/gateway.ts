/** A gateway: follows the Endpoints, routes by them, and says at once how far it has come. */
import type { Client } from '../../api/client/client.ts';
import { gatewayLeaseName } from '../../api/server/authz.ts';
import type { Clock } from '../../runtime/clock.ts';
import { Gateway, type GatewayProblem } from '../../runtime/gateway/gateway.ts';
import { createInformer } from '../../runtime/informer.ts';
import { createLeaseKeeper } from '../../runtime/lease.ts';
import type { Log } from '../../runtime/log.ts';
