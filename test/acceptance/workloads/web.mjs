// A web server as careless as they come: it exits the moment it gets SIGTERM, whatever it has in flight.
import { createServer } from 'node:http';

const delayMs = Number(process.env.DELAY_MS ?? 0);
process.on('SIGTERM', () => process.exit(0));
createServer((_request, response) => {
  setTimeout(() => response.end(`${process.env.MILL_ALLOC}\n`), delayMs);
}).listen(Number(process.env.PORT), '127.0.0.1');
