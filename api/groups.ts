/** The groups that actors are in; what each may do is in `server/authz.ts`. */

/** Operators. */
export const ADMIN_GROUP = 'system:masters';
/** Agents. */
export const NODE_GROUP = 'system:nodes';
export const GATEWAY_GROUP = 'system:gateways';
export const CONTROLLER_GROUP = 'system:controllers';
/** The servers themselves, for their own leases and for who of them leads what. */
export const SERVER_GROUP = 'system:servers';
