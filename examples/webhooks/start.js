/** The receiver, and the gateway before it. What else is said on the command line is for `wrangler dev`. */
import { spawn } from 'node:child_process';
import { startReceiver } from './receiver.js';

const port = await startReceiver(Number(process.env.RECEIVER_PORT ?? 3000));
console.log(`The receiver listens on port ${port}.`);
const upstream = `UPSTREAM_URL:http://localhost:${port}`;
const options = ['--var', upstream, ...process.argv.slice(2)];
const gateway = spawn('wrangler', ['dev', ...options], { stdio: 'inherit' });
gateway.on('exit', (code) => process.exit(code ?? 1));
// The terminal sends Ctrl-C to both, and this one waits for the other.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => gateway.kill('SIGTERM'));
