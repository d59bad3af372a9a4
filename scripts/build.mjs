// `npm run build`: installs what is missing and builds what has changed.
import { prepare } from "./prepare.mjs";

prepare();
