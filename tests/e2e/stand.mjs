/** Starts the region of `people.mjs` and leaves it standing: for looking at the pages by hand. Ctrl-C ends it. */

import { Road } from "./road.mjs";

const road = await Road.start();
console.log(road.url);
for (const [role, { name, password }] of Object.entries(road.accounts)) console.log(`${role}  ${name}  ${password}`);
console.log(road.launch());
process.on("SIGTERM", () => void road.stop().then(() => process.exit(0)));
process.on("SIGINT", () => void road.stop().then(() => process.exit(0)));
await new Promise(() => {});
