// Counts on its volume: a number is on the disk before it is answered. It looks for a second writer as well as it can.
import {
  appendFileSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:http';

const dir = process.env.MILL_VOLUME_DATA;
const counts = `${dir}/counts`;
const writer = `${dir}/writer`;

const alive = (pid) => {
  try {
    // A zombie has ended, whatever `kill` says of it.
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].startsWith('Z');
  } catch {
    return false;
  }
};
if (existsSync(writer)) {
  const other = Number(readFileSync(writer, 'utf8'));
  if (alive(other))
    appendFileSync(`${dir}/violations`, `${process.pid} started while ${other} was writing\n`);
}
writeFileSync(writer, `${process.pid}`);

let count = existsSync(counts) ? readFileSync(counts, 'utf8').split('\n').length - 1 : 0;
const log = openSync(counts, 'a');
process.on('SIGTERM', () => {
  closeSync(log);
  process.exit(0);
});
createServer((request, response) => {
  if (request.url === '/next') {
    count += 1;
    writeSync(log, `${count}\n`);
    fsyncSync(log);
  }
  response.end(`${count}\n`);
}).listen(Number(process.env.PORT), '127.0.0.1');
