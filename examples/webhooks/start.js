/** The receiver, and the gateway before it. */
import { spawn } from 'node:child_process';
import { startReceiver } from './receiver.js';

const port = await startReceiver(3000);
console.log(`The receiver listens on port ${port}.`);
const gateway = spawn('wrangler', ['dev', '--port', '8787'], { stdio: 'inherit' });
gateway.on('exit', (code) => process.exit(code ?? 1));
// The terminal sends Ctrl-C to both, and this one waits for the other.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => gateway.kill('SIGTERM'));
