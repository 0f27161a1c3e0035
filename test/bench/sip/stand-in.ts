import { DrachtioStandIn } from '../../kit/drachtio-server.ts';

// The kit's stand-in for drachtio-server as a process of its own, on the callers' core: the engine that is measured does not pay for it.

const server = await DrachtioStandIn.start();
process.on('disconnect', () => process.exit(0));
process.send?.({ adminPort: server.adminPort, sipPort: server.port });
