/** What is where in the data directory of a server. */
import { join } from 'node:path';

export const storeDirectory = (data: string): string => join(data, 'store');
export const volumesDirectory = (data: string): string => join(data, 'volumes');
