/**
 * Variables that are nobody's words: Kubernetes and Docker links put some into every container for each service, and for a service
 * called `holdfast` these begin as ours do.
 */

const serviceName =
  /^HOLDFAST_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/;
const serviceAddress = /^(?:tcp|udp|sctp):\/\//i;

/** Whether a variable tells the address of a service, and not the value of an option: `HOLDFAST_PORT=tcp://10.0.0.7:8000`. */
export function isServiceVariable(name: string, text: string): boolean {
  if (!serviceName.test(name)) return false;
  return name !== "HOLDFAST_PORT" || serviceAddress.test(text);
}
