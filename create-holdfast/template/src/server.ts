/** The server: its channels, the pages of the folder `public`, and a route for tokens. */
import { createServer, signToken } from "holdfast";
import { app, secret } from "./app.js";

const server = createServer(app, {
  port: Number(process.env.PORT ?? 8000),
  data: "./data",
  pages: "./public",
  routes(request, response) {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    if (pathname !== "/token" || request.method !== "GET") return false;
    // To be replaced: this believes whoever asks. Take the user from your login, a session's cookie for one.
    const user = searchParams.get("name") ?? "";
    if (!/^[\w-]{1,40}$/.test(user))
      response.writeHead(400).end("name must be 1 to 40 letters, digits, _ or -");
    else
      signToken({ secret, expiresIn: "10m" }, { sub: user }).then(
        (token) =>
          response.writeHead(200, { "Cache-Control": "no-store", "Content-Type": "text/plain" }).end(token),
        () => response.writeHead(500).end(),
      );
    return true;
  },
});

const { port } = await server.listen();
console.log(`http://localhost:${port}/?name=Ann and, in another window, http://localhost:${port}/?name=Bo`);

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => server.close().then(() => process.exit()));
