/** The lab's command: `npm run -s lab -- <command>`. Here only a start that is twice as fast the second time. */
import "../contract/first.ts";
import { enableCompileCache } from "node:module";

enableCompileCache();
await import("./program.ts");
