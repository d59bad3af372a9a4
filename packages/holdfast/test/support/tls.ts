/** A self-signed certificate for localhost, for tests only: its key is public. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const certFile = join(import.meta.dirname, "tls/localhost.cert.pem");
export const keyFile = join(import.meta.dirname, "tls/localhost.key.pem");

export const testTls = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
