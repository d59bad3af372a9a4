/** Entry of the measured server's process. */
import { serveLab, serveOptionsOf } from "../serve.js";

await serveLab(serveOptionsOf(process.argv.slice(2)));
