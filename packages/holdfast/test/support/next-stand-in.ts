/** As much of Next's own server as examples use: it answers every request with the path, and is where Next would be imported from. */
import type { IncomingMessage, ServerResponse } from "node:http";

interface NextOptions {
  readonly dev?: boolean;
  readonly hostname?: string;
  readonly port?: number;
}

interface NextServer {
  prepare(): Promise<void>;
  getRequestHandler(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
}

// biome-ignore lint/style/noDefaultExport: as Next has it.
export default function next(_options: NextOptions): NextServer {
  return {
    prepare: async () => {},
    getRequestHandler: () => async (request, response) => {
      response.end(`Next at ${request.url}`);
    },
  };
}
