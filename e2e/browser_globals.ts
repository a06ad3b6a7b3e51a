// What a browser has and Node 20 does not.
import { WebSocket } from "ws";

Object.assign(globalThis, { WebSocket: globalThis.WebSocket ?? WebSocket });
