// Loaded into a node under torture before anything else: what it connects to at the port of a server of the store goes to a
// proxy, whoever told it the port, such as Sentinel or another server of the store.
import net from "node:net";

const routes = new Map(JSON.parse(process.env.HOLDFAST_TORTURE_ROUTES));
const { connect } = net.Socket.prototype;

net.Socket.prototype.connect = function (first, ...rest) {
  // As `net.connect` passes it: options and callback in one array.
  if (Array.isArray(first)) {
    first[0] = redirect(first[0]);
    return connect.call(this, first, ...rest);
  }
  return connect.call(this, redirect(first), ...rest);
};

function redirect(options) {
  if (typeof options !== "object") return routes.get(Number(options)) ?? options;
  const port = routes.get(Number(options.port));
  return port === undefined ? options : { ...options, port };
}
