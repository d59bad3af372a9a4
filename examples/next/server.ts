/** Holdfast and Next at one port: `npm run dev`, or `npm run build` and `npm start`. Clients connect to where the page came from. */
import { createServer as createHttp } from "node:http";
import { createServer } from "holdfast";
import next from "next";
import { app } from "./holdfast-app";

const port = Number(process.env.PORT ?? 3000);
export const holdfast = createServer(app, { apiKeys: process.env.API_KEY ? [process.env.API_KEY] : [] });

const web = next({ dev: process.env.NODE_ENV !== "production", hostname: "localhost", port });
await web.prepare();
const answer = web.getRequestHandler();

export const http = createHttp((request, response) =>
  holdfast.handler(request, response, () => void answer(request, response)),
);
await holdfast.attach(http);
http.listen(port, "localhost");
