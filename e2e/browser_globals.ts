// Browser globals that Node 20 lacks.
import { WebSocket } from "ws";

Object.assign(globalThis, { WebSocket: globalThis.WebSocket ?? WebSocket });
